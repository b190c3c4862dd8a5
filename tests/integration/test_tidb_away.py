"""TiDB goes away under load, and comes back: what people are told meanwhile, and what is lost."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from app.config import Settings
from app.database.embedded import EmbeddedServer, embedded_server_status, stop_embedded_server
from app.embedding.embedder import Embedder
from app.services import Services
from tests.integration.parts import SearchableBase, opened, unheard
from tests.server import application, client, served

AWAY = float(os.environ.get("TIDB_AWAY_SECONDS", "2"))
"""`make torture` lets it be away for a minute."""
AT_ONCE = 4.0  # seconds within which requests are refused, but for some on a busy machine
PATIENCE = 60.0  # seconds for everything to go on
DOCUMENTS = 60


@pytest.fixture
def server(tmp_path: Path, machine_settings: Settings) -> Iterator[EmbeddedServer]:
    yield EmbeddedServer(tmp_path, machine_settings.cache_dir, 600, unheard)
    stop_embedded_server(tmp_path)


@dataclass
class Load:
    """Asks without a pause, and keeps when each reply came, how long it took, and what it was."""

    http: httpx.Client
    path: str
    replies: list[tuple[float, float, httpx.Response]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going(self) -> Iterator[None]:
        thread = threading.Thread(target=self._ask)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _ask(self) -> None:
        number = 0
        while not self._stop.wait(0.02):
            number += 1
            began = time.monotonic()
            reply = self.http.get(self.path, params={"q": f"which berth is number {number}"})
            self.replies.append((began, time.monotonic() - began, reply))


def wait_for(http: httpx.Client, path: str, status: int) -> httpx.Response:
    deadline = time.monotonic() + PATIENCE
    while True:
        reply = http.get(path)
        if reply.status_code == status:
            return reply
        assert time.monotonic() < deadline, f"{path} did not become {status}: {reply.text}"
        time.sleep(0.05)


def finished(services: Services, base: SearchableBase) -> int:
    return base.rows("jobs", f"knowledge_base_id = {base.base.id} AND state = 'succeeded'")


def test_requests_fail_at_once_jobs_wait_and_everything_goes_on_by_itself(
    server: EmbeddedServer, settings: Settings, local_embedder: Embedder
) -> None:
    lease = server.acquire()
    url = SecretStr(lease.url.render_as_string(hide_password=False))
    of_server = settings.model_copy(update={"tidb_database_url": url})
    with opened(of_server, local_embedder) as services:
        base = SearchableBase(services, services.knowledge_bases.create("harbour"))
        with served(application(of_server, services)) as address, client(address) as http:
            for number in range(DOCUMENTS):
                text = f"Berth {number} is on the north quay."
                services.uploads.receive(base.base, f"{number}.md", [text.encode()])
            worker = services.worker()
            worker.start()
            load = Load(http, "/api/knowledge-bases/harbour/search")
            try:
                with load.going():
                    away, back = go_away_and_come_back(server, http)
                    deadline = time.monotonic() + PATIENCE
                    while finished(services, base) < DOCUMENTS:
                        assert time.monotonic() < deadline, "the jobs did not go on"
                        time.sleep(0.1)
            finally:
                worker.stop()
            during = [
                (seconds, reply) for began, seconds, reply in load.replies if away < began < back
            ]
            assert len(during) > 1
            for _, reply in during:
                assert reply.status_code == 503, reply.text
                assert reply.json()["error"]["code"] == "database_unavailable"
                assert "does not answer" in reply.json()["error"]["message"]
            assert statistics.median(seconds for seconds, _ in during) < AT_ONCE
            assert {r.status_code for began, _, r in load.replies if began > back + 1} == {200}
            assert {r.status_code for _, _, r in load.replies} == {200, 503}
            assert len(set(base.search("quay", top_k=100).names())) == DOCUMENTS
            attempts = base.rows("jobs", f"knowledge_base_id = {base.base.id} AND attempts > 1")
            assert attempts == 0  # what was given back did not count


def go_away_and_come_back(server: EmbeddedServer, http: httpx.Client) -> tuple[float, float]:
    """Kill TiDB, and start it again; from when on it was gone, and until when."""
    time.sleep(0.3)  # for the load, and for the worker to be at it
    pid = embedded_server_status(server.data_dir).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    refused = wait_for(http, "/health/ready", 503)
    assert refused.json()["error"]["code"] == "database_unavailable"
    away = time.monotonic()
    time.sleep(AWAY)
    back = time.monotonic()
    server.acquire()
    assert http.get("/health/live").status_code == 200
    wait_for(http, "/health/ready", 200)
    return away, back
