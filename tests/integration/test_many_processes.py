"""Two web processes and three workers on one TiDB: as one, and through a rolling restart."""

from __future__ import annotations

import multiprocessing
import multiprocessing.context
import os
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import httpx
import pytest
from sqlalchemy import URL

from app.access.keys import KeyLimits, NewKey
from app.access.rights import Scope
from app.cli import main
from app.ingestion.priority import NICE
from app.services import Services
from tests.event_stream import events
from tests.integration.parts import SearchableBase
from tests.server import client
from tests.waiting import PATIENCE, wait_until

WEBS, WORKERS = 2, 3
DOCUMENTS = 45
DRAIN = 2.0  # seconds; the proxy looks twenty times as often
PAUSE = 0.05  # seconds between a client's requests: a process that starts wants its share too
ENOUGH = 10  # requests answered by a process: both kinds of them, from each of two clients


FORKING = multiprocessing.get_context("forkserver")
"""Imports the program once for all processes: the rest of their start takes less."""
FORKING.set_forkserver_preload(["app.cli.program", "app.main", "onnxruntime", "uvicorn"])

Process = multiprocessing.context.ForkServerProcess


def tidemark(arguments: list[str], environment: dict[str, str]) -> None:
    """What a process of the cluster does: `tidemark` as from a shell, but that nobody listens."""
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.argv = ["tidemark", *arguments]
    main()


@dataclass
class Cluster:
    """The processes, and a proxy's view of the web ones."""

    environment: dict[str, str]
    ports: list[int]
    webs: dict[int, Process] = field(default_factory=dict)
    workers: list[Process] = field(default_factory=list)

    def serve(self, port: int) -> None:
        self.webs[port] = self._start("serve", "--no-worker", "--port", str(port))

    def work(self) -> None:
        self.workers.append(self._start("worker"))

    def _start(self, *arguments: str) -> Process:
        process = FORKING.Process(target=tidemark, args=(list(arguments), self.environment))
        process.start()
        return process

    def stop(self, process: Process) -> None:
        process.terminate()  # SIGTERM
        process.join(PATIENCE)
        assert process.exitcode == 0

    def end(self) -> None:
        for process in (*self.webs.values(), *self.workers):
            process.kill()
            process.join()

    def wait_until_ready(self, port: int) -> None:
        web = self.webs[port]
        wait_until(lambda: ready(port) or not web.is_alive(), "a web process did not start")
        assert web.is_alive(), "a web process ended"


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def ready(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False


@pytest.fixture(scope="module")
def cluster(
    database_url: URL, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The processes on the module's database, whose tables are there."""
    environment = os.environ | {
        "TIDB_DATABASE_URL": database_url.render_as_string(hide_password=False),
        "TIDEMARK_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "TIDEMARK_DRAIN_SECONDS": str(DRAIN),
        "TIDEMARK_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(WEBS)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in sockets]
    cluster = Cluster(environment, ports)
    try:
        for port in ports:
            cluster.serve(port)
        for _ in range(WORKERS):
            cluster.work()
        for port in ports:
            cluster.wait_until_ready(port)
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def webs(cluster: Cluster) -> Iterator[list[httpx.Client]]:
    with ExitStack() as stack:
        yield [stack.enter_context(client(address(port))) for port in cluster.ports]


@contextmanager
def followed(http: httpx.Client, path: str, told: set[str]) -> Iterator[threading.Thread]:
    """A browser that is told of jobs, until all documents are done."""

    def follow() -> None:
        with http.stream("GET", path) as reply:
            for _, data in events(reply.iter_lines()):
                jobs: list[dict[str, str]] = data["jobs"]  # type: ignore[assignment]
                told.update(job["document_name"] for job in jobs if job["state"] == "succeeded")
                if len(told) == DOCUMENTS:
                    return

    thread = threading.Thread(target=follow)
    thread.start()
    yield thread
    thread.join(PATIENCE)
    assert not thread.is_alive(), f"a browser was told of {len(told)} documents only"


def upload(http: httpx.Client, base: str, files: dict[str, str]) -> None:
    parts = [("files", (name, text.encode())) for name, text in files.items()]
    http.post(f"/api/knowledge-bases/{base}/documents", files=parts).raise_for_status()


def test_no_work_is_done_twice_and_every_browser_is_told_of_it(
    cluster: Cluster, webs: list[httpx.Client], knowledge_base: SearchableBase
) -> None:
    base = knowledge_base.base
    told: list[set[str]] = [set() for _ in webs]
    path = f"/api/knowledge-bases/{base.name}/events"
    with ExitStack() as stack:
        for http, names in zip(webs, told, strict=True):
            stack.enter_context(followed(http, path, names))
        for start in range(0, DOCUMENTS, 15):
            files = {
                f"{number}.md": f"Berth {number} is on the quay.\n\nIts crane lifts {number} tons."
                for number in range(start, start + 15)
            }
            upload(webs[start // 15 % WEBS], base.name, files)
    assert [len(names) for names in told] == [DOCUMENTS] * WEBS
    assert knowledge_base.rows("jobs", f"knowledge_base_id = {base.id} AND attempts <> 1") == 0
    assert knowledge_base.rows("indexes", f"knowledge_base_id = {base.id}") == 1
    index = knowledge_base.services.indexes.active(base.id)
    assert index is not None
    live = f"SELECT SUM(chunks) FROM indexed_revisions WHERE index_id = {index.id}"  # noqa: S608
    ((counted,),) = knowledge_base.execute(live)
    assert knowledge_base.rows("chunks_{index}") == counted >= DOCUMENTS


def test_workers_leave_the_processors_to_those_who_search(cluster: Cluster) -> None:
    def priorities(processes: Iterable[Process]) -> list[int]:
        return [os.getpriority(os.PRIO_PROCESS, each.pid or 0) for each in processes]

    # They give way once they have started.
    wait_until(lambda: min(priorities(cluster.workers)) >= NICE, "a worker did not give way")
    assert set(priorities(cluster.webs.values())) == {os.getpriority(os.PRIO_PROCESS, 0)}


def test_what_one_process_kept_is_not_shown_once_another_has_changed_it(
    webs: list[httpx.Client], cluster: Cluster, knowledge_base: SearchableBase
) -> None:
    name = knowledge_base.base.name

    def found(http: httpx.Client) -> list[str]:
        reply = http.get(f"/api/knowledge-bases/{name}/search", params={"q": "ferry"})
        return [each["text"] for each in reply.json()["results"]]

    for text in ("The ferry leaves at nine.", "The ferry leaves at ten."):
        upload(webs[0], name, {"ferry.md": text})
        wait_until(lambda: found(webs[0]) == [text], "what is new was not found")  # noqa: B023
        assert found(webs[1]) == [text]


def test_a_keys_limit_holds_for_all_processes_together(
    webs: list[httpx.Client], services: Services
) -> None:
    asked = NewKey("both", frozenset(Scope), limits=KeyLimits(requests=6))
    key, secret = services.keys.create(asked)
    headers = {"authorization": f"Bearer {secret}"}
    began = time.monotonic()
    statuses = [webs[n % WEBS].get("/v1/models", headers=headers).status_code for n in range(12)]
    come_back = (time.monotonic() - began) / 10  # a tenth of one each second
    services.keys.revoke(key.id)
    assert 6 <= statuses.count(200) <= 6 + come_back
    assert set(statuses) == {200, 429}


@dataclass
class Proxy:
    """Sends each request to a ready process, and to the next where nothing listens."""

    ports: list[int]
    replies: list[httpx.Response] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    _ready: set[int] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self._stop.wait(DRAIN / 20):
            self._ready = {port for port in self.ports if ready(port)}

    def ask(self, name: str) -> None:
        with ExitStack() as stack:
            clients = {port: stack.enter_context(client(address(port))) for port in self.ports}
            number = 0
            while not self._stop.wait(PAUSE):
                number += 1
                self._send(clients, name, number)

    def _send(self, clients: dict[int, httpx.Client], name: str, number: int) -> None:
        there = sorted(self._ready)
        there = there[number % max(1, len(there)) :] + there
        # Proxies look seldom: what seems dead is tried too, before a request is given up.
        for port in there + self.ports:
            try:
                if number % 5:
                    path = f"/api/knowledge-bases/{name}/search"
                    reply = clients[port].get(path, params={"q": f"berth {number}"})
                else:
                    path = f"/api/knowledge-bases/{name}/documents"
                    own = f"{threading.get_ident()}.md"
                    file = {"files": (own, f"Berth {number} is new.".encode())}
                    reply = clients[port].post(path, files=file)
            except httpx.ConnectError:
                continue  # nothing was sent
            except httpx.TransportError as fault:
                self.faults.append(fault)
            else:
                self.replies.append(reply)
            return
        self.faults.append(AssertionError("no process listens"))

    def answered_by(self, port: int) -> int:
        return [reply.url.port for reply in self.replies].count(port)

    def wait_until_answered_by(self, port: int) -> None:
        """Wait until the process has answered enough requests more."""
        enough = self.answered_by(port) + ENOUGH
        wait_until(
            lambda: self.faults or self.answered_by(port) >= enough,
            "requests do not come to a process",
        )
        assert self.faults == []

    @contextmanager
    def going(self, name: str) -> Iterator[None]:
        self._ready = set(self.ports)
        threads = [threading.Thread(target=self.look)]
        threads += [threading.Thread(target=self.ask, args=(name,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def test_a_rolling_restart_drops_no_request_and_no_job(
    cluster: Cluster, knowledge_base: SearchableBase
) -> None:
    proxy = Proxy(cluster.ports)
    with proxy.going(knowledge_base.base.name):
        for port, other in zip(cluster.ports, reversed(cluster.ports), strict=True):
            proxy.wait_until_answered_by(port)
            cluster.stop(cluster.webs[port])
            proxy.wait_until_answered_by(other)
            cluster.serve(port)
            if port == cluster.ports[0]:
                cluster.work()
                cluster.stop(cluster.workers.pop(0))
            cluster.wait_until_ready(port)
            proxy.wait_until_answered_by(port)
    assert proxy.faults == []
    assert [reply.text for reply in proxy.replies if not reply.is_success] == []
    told = "state, stage, attempts, owner, lease_until, not_before, error, updated_at"
    unfinished = f"knowledge_base_id = {knowledge_base.base.id} AND state <> 'succeeded'"
    wait_until(
        lambda: not knowledge_base.rows("jobs", unfinished),
        "a job was dropped",
        left=lambda: knowledge_base.execute(f"SELECT {told} FROM jobs WHERE {unfinished}"),  # noqa: S608
    )
