"""What a torn machine could leave is found and mended; workers that are killed leave nothing."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from app.ingestion.job import JobState
from app.ingestion.wholeness import Wholeness
from tests.integration.parts import QUESTION, MortalWorker, SearchableBase, Uploader
from tests.integration.stages import Kills, let_leases_end
from tests.killable import begun

KILLS = int(os.environ.get("TORTURE_CYCLES", "2"))
"""How often a worker is killed: a few times in the suite, as often as wanted by `make torture`."""
DRAINS_WITHIN = 300  # seconds
LONGEST_LOAD = 3.0  # seconds from a worker's first job to its end


@pytest.fixture
def whole(knowledge_base: SearchableBase) -> Wholeness:
    return Wholeness(knowledge_base.services.database, knowledge_base.services.jobs)


def mended(whole: Wholeness) -> list[str]:
    """What was found, once it is mended."""
    faults = whole.inspect()
    for fault in faults:
        assert fault.mend is not None, fault.what
        fault.mend()
    return [fault.what for fault in faults]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM {chunks} LIMIT 1",
        "DELETE FROM {signatures} LIMIT 1",
        "DELETE FROM {postings} LIMIT 1",
        "DELETE FROM {postings}",
        "DELETE FROM indexed_revisions WHERE index_id = {index}",
        "UPDATE indexed_revisions SET state = 'staged' WHERE index_id = {index}",
        "INSERT INTO blobs VALUES (999999999, 0, 'lost')",
        "INSERT INTO document_labels VALUES (999999999, '', 'lost')",
        "INSERT INTO {postings} SELECT term, 999999999, tf, length FROM {postings} LIMIT 1",
        "UPDATE documents SET current_revision_id = NULL WHERE knowledge_base_id = {base}",
    ],
)
def test_what_is_torn_is_found_and_mended(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    whole: Wholeness,
    damage: str,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    assert whole.inspect() == []
    index = knowledge_base.services.indexes.active(knowledge_base.base.id)
    assert index is not None
    tables = {name: f"{name}_{index.id}" for name in ("chunks", "signatures", "postings")}
    knowledge_base.execute(damage.format(index=index.id, base=knowledge_base.base.id, **tables))
    assert mended(whole)
    worker.drain()
    assert whole.inspect() == []
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at noon."]


def test_an_original_that_is_lost_is_told_of(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker, whole: Wholeness
) -> None:
    document = uploader.upload("guide.md", "The tide turns at noon.").document_id
    worker.drain()
    revision = knowledge_base.services.documents.revision(document)
    knowledge_base.execute(f"DELETE FROM blobs WHERE revision_id = {revision.id}")  # noqa: S608
    (fault,) = whole.inspect()
    assert "'guide.md'" in fault.what
    assert fault.mend is None
    knowledge_base.services.deletion.delete(document)
    assert whole.inspect() == []


def test_workers_that_are_killed_at_any_moment_lose_and_double_nothing(
    *,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    whole: Wholeness,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = tmp_path / "told.log"
    services, seed = knowledge_base.services, random.randrange(10**6)
    chance = random.Random(seed)
    engine = services.database.engine
    acknowledged: dict[str, str] = {}
    kills = Kills(chance)
    for cycle in range(KILLS):
        for number in range(12):
            name = f"note-{chance.randrange(20)}.md"
            text = "".join(
                f"## Part {part}\n\nCycle {cycle}, note {number}: the tide rose {part} metres.\n\n"
                for part in range(chance.randrange(1, 40))
            )
            uploader.upload(name, text)
            acknowledged[name] = text
        url = services.database.url.render_as_string(hide_password=False)
        environment = {
            **os.environ,
            "TIDB_DATABASE_URL": url,
            "TIDEMARK_CHUNK_TOKENS": "16",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        kills.begin(engine)
        process = begun("worker", environment, told)
        try:
            deadline = time.monotonic() + DRAINS_WITHIN
            while not knowledge_base.rows("jobs", "state = 'running' AND lease_until > NOW()"):
                assert process.is_alive(), f"the worker ended by itself: {told.read_text()}"
                assert time.monotonic() < deadline, f"the worker began nothing (seed {seed})"
                time.sleep(0.02)
            if not kills.aim(engine, process.kill):
                time.sleep(chance.random() * LONGEST_LOAD)
        finally:
            process.kill()
            process.join()
        kills.note(engine, "worker")
        let_leases_end(engine)
        assert whole.inspect() == [], f"seed {seed}"
    with capsys.disabled():
        kills.check(print)
    for _ in range(5):
        # What was begun twice without an end is taken up again, each by itself.
        knowledge_base.execute("UPDATE jobs SET attempts = 1, not_before = '2020-01-01'")
        worker.drain()
    worker.clear()
    assert whole.inspect() == [], f"seed {seed}"
    counts = services.jobs.counts(knowledge_base.base.id)
    assert counts[JobState.READY] == counts[JobState.RUNNING] == counts[JobState.FAILED] == 0
    for name, text in acknowledged.items():
        document = services.documents.by_name(knowledge_base.base.id, name)
        revision = services.documents.revision(document.id)
        assert b"".join(services.documents.original(revision)) == text.encode(), (name, seed)
    chunks = knowledge_base.rows("chunks_{index}")
    live = "index_id = (SELECT MAX(index_id) FROM indexed_revisions) AND state = 'live'"
    told = knowledge_base.execute(f"SELECT SUM(chunks) FROM indexed_revisions WHERE {live}")  # noqa: S608
    assert chunks == int(told[0][0])
