"""TiDB goes away under load, and comes back: what people are told meanwhile, and what is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import pytest
from pydantic import SecretStr

from app.config import Settings
from app.database.embedded import EmbeddedServer, embedded_server_status, stop_embedded_server
from app.embedding.embedder import Embedder
from app.services import Services
from tests.integration.parts import SearchableBase, opened, unheard
from tests.server import application, client, served
from tests.waiting import wait_until

AWAY = float(os.environ.get("TIDB_AWAY_SECONDS", "0"))
"""`make torture` lets it be away for a minute."""
MEANWHILE = 5  # requests while it is away, at the least
AT_ONCE = 4.0  # seconds within which a request is refused; trying for longer would take more
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

    def wait_for(self, status: int, number: int) -> None:
        """Wait until so many of the requests that begin now were replied to so."""
        now = time.monotonic()
        wait_until(
            lambda: (
                [r.status_code for at, _, r in self.replies if at > now].count(status) >= number
            ),
            f"requests are not replied to with {status}",
        )


def wait_for(http: httpx.Client, path: str, status: int) -> None:
    wait_until(lambda: http.get(path).status_code == status, f"{path} did not become {status}")


def finished(services: Services, base: SearchableBase) -> int:
    return base.rows("jobs", f"knowledge_base_id = {base.base.id} AND state = 'succeeded'")


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "hanging"])
def test_requests_fail_at_once_jobs_wait_and_everything_goes_on_by_itself(
    server: EmbeddedServer, settings: Settings, local_embedder: Embedder, *, killed: bool
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
                    load.wait_for(200, 1)
                    wait_until(lambda: finished(services, base), "the worker is not at it")
                    with gone(server, killed=killed):
                        wait_for(http, "/health/ready", 503)
                        told = http.get("/health/ready").json()["error"]["code"]
                        away = time.monotonic()
                        load.wait_for(503, MEANWHILE)
                        time.sleep(AWAY)
                        back = time.monotonic()
                    assert http.get("/health/live").status_code == 200
                    wait_for(http, "/health/ready", 200)
                    ready = time.monotonic()
                    wait_until(
                        lambda: finished(services, base) == DOCUMENTS, "the jobs did not go on"
                    )
                    load.wait_for(200, 1)
            finally:
                worker.stop()
            during = [
                (seconds, reply)
                for began, seconds, reply in load.replies
                if away < began < began + seconds < back
            ]
            assert told == "database_unavailable"
            assert len(during) >= MEANWHILE
            assert median(seconds for seconds, _ in during) < AT_ONCE
            for _, reply in during:
                assert reply.status_code == 503, reply.text
                assert reply.json()["error"]["code"] == "database_unavailable"
                assert "does not answer" in reply.json()["error"]["message"]
            assert {r.status_code for began, _, r in load.replies if began > ready} == {200}
            assert {r.status_code for _, _, r in load.replies} == {200, 503}
            assert len(set(base.search("quay", top_k=100).names())) == DOCUMENTS
            attempts = base.rows("jobs", f"knowledge_base_id = {base.base.id} AND attempts > 1")
            assert attempts == 0  # what was given back did not count


@contextmanager
def gone(server: EmbeddedServer, *, killed: bool) -> Iterator[None]:
    """TiDB is killed, and started again; or it hangs for a while, which nobody is told of."""
    pid = embedded_server_status(server.data_dir).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL if killed else signal.SIGSTOP)
    try:
        yield
    finally:
        if killed:
            server.acquire()
        else:
            os.kill(pid, signal.SIGCONT)
