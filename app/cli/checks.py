"""What `tidemark doctor` looks at, each thing by itself: one that fails hides no other."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.cli.console import say
from app.config import Settings
from app.database.capabilities import probe
from app.database.connection import Database
from app.database.migrations import is_migrated
from app.embedding.making import make_embedder
from app.embedding.vault import Vault
from app.errors import TidemarkError
from app.ingestion.job import JobState
from app.ingestion.job_store import JobStore
from app.ingestion.wholeness import Wholeness
from app.opening import database_url

GB = 1_000_000_000
LEAST_FREE = 2 * GB  # a small store takes far less; a build of TiDB asks for its own 6 GB
MOST_FAULTS = 10  # told one by one
SAMPLE = "The tide turns twice a day."


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, and what to do where that is not well."""

    name: str
    ok: bool
    finding: str
    remedy: str = ""


@dataclass(frozen=True)
class Checkup:
    """Looks at everything that Tidemark needs."""

    settings: Settings
    repair: bool = False

    def run(self) -> Iterator[Check]:
        """Each check as it is done; the quick ones first."""
        yield self._disk("data folder", self.settings.data_dir)
        yield self._disk("cache folder", self.settings.cache_dir)
        with ExitStack() as stack:
            database = yield from self._database(stack)
            yield _checked("embedding model", self._embedding)
            yield _checked("chat model", lambda: self._chat(database))

    def _disk(self, name: str, folder: Path) -> Check:
        there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
        if not os.access(there, os.W_OK | os.X_OK):
            return Check(
                name,
                ok=False,
                finding=f"{folder} cannot be written by this user",
                remedy="Give yourself the right to write there, or name another folder in "
                "TIDEMARK_DATA_DIR or TIDEMARK_CACHE_DIR.",
            )
        free = shutil.disk_usage(there).free
        enough = free >= LEAST_FREE
        remedy = "" if enough else f"Make room: at least {LEAST_FREE / GB:.0f} GB."
        return Check(name, enough, f"{free / GB:.1f} GB free in {folder}", remedy)

    def _database(self, stack: ExitStack) -> Generator[Check, None, Database | None]:
        """TiDB, its tables and the queue in them; only the first where it cannot be had.

        Returns it, if all its tables are there.
        """
        try:
            database = Database.connect(database_url(self.settings, say, stack))
            stack.callback(database.dispose)
            found = probe(database)
        except TidemarkError as error:
            yield Check("TiDB", ok=False, finding=error.message, remedy=error.remedy)
            return None
        whose = "brought along" if self.settings.tidb_database_url is None else "configured"
        yield Check(
            "TiDB",
            ok=True,
            finding=f"{found.version}, {found.kind}, {whose}; vectors: {found.vector_plan}",
        )
        migrated = is_migrated(database)
        yield Check(
            "tables",
            ok=True,
            finding="up to date" if migrated else "the next start brings them up to date",
        )
        if migrated:
            yield _checked("queue", lambda: _queue(database))
            yield self._wholeness(database)
        return database if migrated else None

    def _wholeness(self, database: Database) -> Check:
        """Whether all that is stored hangs together; mended first where that is asked for."""
        wholeness = Wholeness(database, JobStore(database))
        try:
            faults = wholeness.inspect()
            mended = [fault for fault in faults if fault.mend is not None] if self.repair else []
            for fault in mended:
                say(f"Mending: {fault.what}")
                if fault.mend is not None:
                    fault.mend()
            left = wholeness.inspect() if mended else faults
        except TidemarkError as error:
            return Check("documents", ok=False, finding=error.message, remedy=error.remedy)
        if not left:
            done = f"whole; {len(mended):,} faults mended" if mended else "whole"
            return Check("documents", ok=True, finding=done)
        able = sum(fault.mend is not None for fault in left)
        remedy = " ".join(sorted({fault.remedy for fault in left if fault.mend is None}))
        if able:
            remedy = f"`tidemark doctor --repair` mends {able:,} of these. {remedy}".strip()
        shown = " ".join(fault.what for fault in left[:MOST_FAULTS])
        more = f" And {len(left) - MOST_FAULTS:,} more." if len(left) > MOST_FAULTS else ""
        return Check("documents", ok=False, finding=shown + more, remedy=remedy)

    def _embedding(self) -> str:
        embedder = make_embedder(self.settings, say)
        embedder.embed_query(SAMPLE)  # the first one warms up
        began = time.perf_counter()
        vector = embedder.embed_query(SAMPLE)
        took = 1000 * (time.perf_counter() - began)
        return f"{embedder.model}, {len(vector)} wide, a question in {took:.0f} ms"

    def _chat(self, database: Database | None) -> str:
        from app.answering.chosen import ChosenModel
        from app.answering.making import chat_models, make_generator
        from app.answering.preflight import tried

        settings = self.settings
        if database is not None:
            vault = Vault.of(settings)
            settings = ChosenModel(database, vault, settings, make_generator).settings_with_key()
        models = chat_models(settings)
        if not models:
            return "none is set: answers are extracts"
        return "; where it fails, ".join(tried(model) for model in models)


def _queue(database: Database) -> str:
    counts = JobStore(database).counts()
    waiting, running = counts[JobState.READY], counts[JobState.RUNNING]
    return f"{waiting:,} waiting, {running:,} running, {counts[JobState.FAILED]:,} failed"


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, finding=look())
    except TidemarkError as error:
        return Check(name, ok=False, finding=error.message, remedy=error.remedy)
