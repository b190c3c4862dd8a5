"""`tidemark serve` and its TiDB, killed under load: what was acknowledged is there, and whole."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr

from app.config import Settings
from app.database.embedded import EmbeddedServer, embedded_server_status
from app.embedding.embedder import Embedder
from app.ingestion.job import JobState
from app.ingestion.wholeness import Wholeness
from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, opened, unheard
from tests.waiting import PATIENCE

CYCLES = int(os.environ.get("TORTURE_CYCLES", "2"))
"""How often something is killed: a few times in the suite, as often as wanted by `make torture`."""
VICTIMS = ("web", "TiDB", "both")
DOCUMENTS = 12
BASE = "/api/knowledge-bases/default"


@dataclass
class Machine:
    """A data folder with a Tidemark and a TiDB of its own, both of which may be killed."""

    data_dir: Path
    cache_dir: Path
    settings: Settings
    embedder: Embedder

    @contextmanager
    def serving(self) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
        """`tidemark serve` with its worker, until it is killed."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = os.environ | {
            "TIDEMARK_DATA_DIR": str(self.data_dir),
            "TIDEMARK_PORT": str(port),
            "TIDEMARK_CHUNK_TOKENS": "16",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        environment.pop("TIDB_DATABASE_URL", None)
        process = subprocess.Popen(
            [sys.executable, "-c", "from app.cli import main; main()", "serve"],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            with httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False) as http:
                self._wait(process, http)
                yield process, http
        finally:
            process.kill()
            process.wait()

    def _wait(self, process: subprocess.Popen[bytes], http: httpx.Client) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if http.get("/health/ready").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            assert process.poll() is None, "tidemark serve ended by itself"
            assert time.monotonic() < deadline, "tidemark serve did not become ready"
            time.sleep(0.05)

    @contextmanager
    def services(self) -> Iterator[Services]:
        """Its services in this process; its TiDB is started again if it was killed."""
        server = EmbeddedServer(
            self.data_dir, self.cache_dir, self.settings.tidb_memory_mb, unheard
        )
        with server.acquire() as lease:
            assert lease.damaged_tables == ()
            url = SecretStr(lease.url.render_as_string(hide_password=False))
            chosen = {"tidb_database_url": url, "chunk_tokens": 16}
            with opened(self.settings.model_copy(update=chosen), self.embedder) as services:
                yield services

    def kill_tidb(self) -> None:
        pid = embedded_server_status(self.data_dir).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


@dataclass
class Uploads:
    """Versions of documents, sent one after the other until nobody answers."""

    chance: random.Random
    acknowledged: dict[str, int] = field(default_factory=dict)
    """The last version of each document that was acknowledged."""
    sent: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _version: int = 0

    def run(self, http: httpx.Client) -> None:
        while True:
            self._version += 1
            name = f"note-{self.chance.randrange(DOCUMENTS)}.md"
            content = "".join(
                f"## Part {part}\n\nIn version {self._version} the tide rose {part} metres.\n\n"
                for part in range(self.chance.randrange(1, 40))
            ).encode()
            self.sent[name, self._version] = content
            try:
                reply = http.post(f"{BASE}/documents", files={"files": (name, content)})
            except httpx.TransportError:
                return
            if reply.status_code == httpx.codes.ACCEPTED:
                self.acknowledged[name] = self._version


def test_a_web_process_and_a_tidb_that_are_killed_at_any_moment_lose_and_double_nothing(
    tmp_path: Path, cache_dir: Path, machine_settings: Settings, local_embedder: Embedder
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    machine = Machine(tmp_path, cache_dir, machine_settings, local_embedder)
    uploads = Uploads(chance)
    for cycle in range(CYCLES):
        victim = VICTIMS[cycle % len(VICTIMS)]
        with machine.serving() as (process, http):
            sending = threading.Thread(target=uploads.run, args=(http,))
            sending.start()
            time.sleep(0.5 + chance.random() * 2.5)
            if victim != "web":
                machine.kill_tidb()
                time.sleep(chance.random() * (victim == "TiDB"))
            process.kill()
            sending.join()
        with machine.services() as services:
            faults = Wholeness(services.database, services.jobs).inspect()
            assert faults == [], f"cycle {cycle}, {victim} killed, seed {seed}"
            base = SearchableBase(services, services.first_knowledge_base())
            # Others may take its jobs once their lease has run out, as a minute later they would.
            base.execute(
                "UPDATE jobs SET lease_until = '2020-01-01', attempts = 1 WHERE state = 'running'"
            )
    with machine.services() as services:
        check_all(services, uploads, seed)


def check_all(services: Services, uploads: Uploads, seed: int) -> None:
    base = SearchableBase(services, services.first_knowledge_base())
    worker = MortalWorker(services, base.base)
    for _ in range(5):
        base.execute("UPDATE jobs SET attempts = 1, not_before = '2020-01-01'")
        worker.drain()
    worker.clear()
    assert Wholeness(services.database, services.jobs).inspect() == [], f"seed {seed}"
    counts = services.jobs.counts(base.base.id)
    assert counts[JobState.READY] == counts[JobState.RUNNING] == counts[JobState.FAILED] == 0
    assert uploads.acknowledged
    for name, version in uploads.acknowledged.items():
        document = services.documents.by_name(base.base.id, name)
        original = b"".join(services.documents.original(services.documents.revision(document.id)))
        # What was sent later may have been stored too, though nobody was told.
        wanted = [content for (n, v), content in uploads.sent.items() if n == name and v >= version]
        assert original in wanted, f"{name}, seed {seed}"
    (told,) = base.execute("SELECT SUM(chunks) FROM indexed_revisions WHERE state = 'live'")
    assert base.rows("chunks_{index}") == int(told[0])
