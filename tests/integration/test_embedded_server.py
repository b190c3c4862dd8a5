"""The embedded server's real life: shared, killed, taken over, refused."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import pytest
from sqlalchemy import URL

from app.config import project_folder
from app.database.embedded import (
    EmbeddedServer,
    embedded_server_status,
    stop_embedded_server,
)
from app.database.embedded.folder import ServerFolder
from app.errors import EmbeddedServerFailed


@dataclass
class Place:
    """A data folder with a TiDB that has been started there before, and stopped."""

    data_dir: Path
    cache_dir: Path
    said: list[str] = field(default_factory=list)

    @property
    def server(self) -> EmbeddedServer:
        return EmbeddedServer(self.data_dir, self.cache_dir, 600, self.said.append)

    @property
    def folder(self) -> ServerFolder:
        return ServerFolder.within(self.data_dir)

    @property
    def pid(self) -> int:
        pid = embedded_server_status(self.data_dir).pid
        assert pid is not None
        return pid

    def running(self) -> bool:
        return embedded_server_status(self.data_dir).running

    @contextmanager
    def another_process(self) -> Iterator[subprocess.Popen[str]]:
        """Another process that holds the server; its input's end makes it let go."""
        user = self.begin_another_process()
        try:
            assert user.stdout is not None
            assert user.stdout.readline().strip().isdigit()
            yield user
        finally:
            user.communicate()

    def begin_another_process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.embedded_user", str(self.data_dir), str(self.cache_dir)],
            cwd=project_folder(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def data_dir(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("place")
    EmbeddedServer(path, cache_dir, 600, print).acquire().release()
    return path


@pytest.fixture
def place(data_dir: Path, cache_dir: Path) -> Iterator[Place]:
    yield Place(data_dir, cache_dir)
    stop_embedded_server(data_dir)


@pytest.fixture
def new_place(tmp_path: Path, cache_dir: Path) -> Iterator[Place]:
    yield Place(tmp_path, cache_dir)
    stop_embedded_server(tmp_path)


def rows(url: URL, statement: str) -> list[tuple[Any, ...]]:
    with (
        pymysql.connect(
            host=url.host,
            port=url.port or 0,
            user=url.username,
            password=url.password or "",
            database=url.database,
            autocommit=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return list(cursor.fetchall())


@contextmanager
def changed(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """The file at `path` with other contents, for a while."""
    before = path.read_text()
    path.write_text(change(before))
    try:
        yield
    finally:
        path.write_text(before)


def test_the_server_takes_only_root_with_its_password_over_loopback(place: Place) -> None:
    with place.server.acquire() as lease:
        assert rows(lease.url, "SELECT user, host FROM mysql.user") == [("root", "127.0.0.1")]
        assert rows(lease.url, "SELECT DATABASE()") == [("tidemark",)]
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            rows(lease.url.set(password=""), "SELECT 1")
    assert place.folder.password_file.stat().st_mode & 0o777 == 0o600
    assert place.folder.path.stat().st_mode & 0o777 == 0o700
    assert not place.folder.first_statements.exists()


def test_transactions_cannot_be_torn_and_the_memory_is_held(place: Place) -> None:
    with place.server.acquire() as lease:
        names = (
            "tidb_enable_1pc, @@global.tidb_enable_async_commit, "
            "@@global.tidb_enable_gogc_tuner, @@global.tidb_server_memory_limit"
        )
        assert rows(lease.url, f"SELECT @@global.{names}") == [(1, 0, 0, "0")]


def test_the_server_writes_nowhere_but_in_its_folder(place: Place) -> None:
    with place.server.acquire() as lease:
        shown = rows(lease.url, "SHOW CONFIG WHERE type = 'tidb' AND value LIKE '/%'")
        paths = [value for _, _, name, value in shown if name != "instance.plugin_dir"]
        assert paths
        assert [path for path in paths if not path.startswith(str(place.folder.path))] == []
        assert rows(lease.url, "SELECT @@socket") == [("",)]


def test_processes_share_the_server_and_the_last_one_stops_it(place: Place) -> None:
    with place.another_process() as user:
        mine = place.server.acquire()
        assert len(embedded_server_status(place.data_dir).users) == 2
        mine.release()
        assert place.running()
        user.communicate()
        assert not place.running()


def test_two_that_start_at_once_get_the_same_server(place: Place) -> None:
    users = [place.begin_another_process() for _ in range(2)]
    ports = {user.stdout.readline() for user in users if user.stdout}
    users[0].communicate()
    assert place.running()
    users[1].communicate()
    assert len(ports) == 1
    assert not place.running()


def test_releasing_twice_takes_nothing_from_another(place: Place) -> None:
    with place.server.acquire():
        lease = place.server.acquire()
        lease.release()
        lease.release()
        assert place.running()
    assert not place.running()


def test_ctrl_c_does_not_reach_the_server_before_its_user(place: Place) -> None:
    with place.another_process() as user, place.server.acquire():
        os.killpg(user.pid, signal.SIGINT)
        assert user.stderr is not None
        # Its input stays open until it was interrupted: its end would let it go as well.
        assert "interrupted\n" in iter(user.stderr.readline, "")
        user.communicate()
        assert place.running()


def test_a_killed_user_leaves_a_server_that_the_next_one_goes_on_with(place: Place) -> None:
    with place.another_process() as user:
        left = place.pid
        user.kill()
        user.wait()
        with place.server.acquire() as lease:
            assert place.pid == left
            assert not lease.recovered
            assert place.said == [
                "TiDB still runs from a Tidemark that was killed: going on with it."
            ]
    assert not place.running()


def test_after_a_killed_server_the_next_start_recovers_and_says_so(place: Place) -> None:
    with place.server.acquire() as lease:
        rows(lease.url, "CREATE TABLE kept (id INT PRIMARY KEY, word VARCHAR(9), KEY (word))")
        rows(lease.url, "INSERT INTO kept VALUES (1, 'tide')")
        os.kill(place.pid, signal.SIGKILL)
    assert embedded_server_status(place.data_dir).unclean
    with place.server.acquire() as again:
        assert again.recovered
        assert again.damaged_tables == ()
        assert again.url == lease.url
        assert rows(again.url, "SELECT id, word FROM kept") == [(1, "tide")]
        rows(again.url, "DROP TABLE kept")
    assert "TiDB was not stopped cleanly last time: recovering." in place.said
    assert place.said[-1] == "TiDB is back after the crash; tables checked: 1, all whole."
    with place.server.acquire() as later:
        assert not later.recovered


def test_users_of_a_killed_server_can_bring_it_back(place: Place) -> None:
    with place.server.acquire() as lease:
        os.kill(place.pid, signal.SIGKILL)
        with place.server.acquire() as again:
            assert again.recovered
            assert rows(lease.url, "SELECT 1") == [(1,)]
        assert place.running()
    assert not place.running()


def test_a_first_start_that_was_interrupted_is_begun_again(new_place: Place) -> None:
    folder = new_place.folder
    new_place.server.acquire().release()
    with changed(
        folder.path / "state.json",
        lambda text: text.replace('"initialized": true', '"initialized": false'),
    ):
        folder.password_file.write_text("of-the-interrupted-start\n")
        with new_place.server.acquire() as lease:
            assert rows(lease.url, "SELECT 1") == [(1,)]
    assert "TiDB's very first start was interrupted; beginning again." in new_place.said


def test_stopping_ends_the_server_whoever_uses_it(place: Place) -> None:
    with place.another_process():
        assert stop_embedded_server(place.data_dir)
        assert not place.running()
        assert not stop_embedded_server(place.data_dir)
    assert not embedded_server_status(place.data_dir).unclean


def test_stopping_where_there_never_was_a_server_makes_nothing(tmp_path: Path) -> None:
    assert not stop_embedded_server(tmp_path / "none")
    assert not embedded_server_status(tmp_path / "none").running
    assert not (tmp_path / "none").exists()


def test_a_port_that_another_program_took_is_not_insisted_on(place: Place) -> None:
    last = json.loads((place.folder.path / "state.json").read_text())
    with socket.create_server(("127.0.0.1", last["port"])), place.server.acquire() as lease:
        assert lease.url.port != last["port"]
        assert rows(lease.url, "SELECT 1") == [(1,)]


def test_ports_are_kept_while_they_are_free(place: Place) -> None:
    ports = set()
    for _ in range(2):
        with place.server.acquire() as lease:
            ports.add(lease.url.port)
    assert len(ports) == 1


def test_data_that_another_server_uses_are_left_to_it(place: Place) -> None:
    held = os.open(place.folder.data / "kv", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # as TiDB does
        with pytest.raises(EmbeddedServerFailed, match="Another TiDB server uses the data in"):
            place.server.acquire()
    finally:
        os.close(held)
    with place.server.acquire() as lease:
        assert not lease.recovered


def test_a_wrong_password_is_named_with_its_file(place: Place) -> None:
    file = place.folder.password_file
    with changed(file, lambda _: "wrong\n"):
        with pytest.raises(EmbeddedServerFailed, match="is not the one that TiDB knows") as failed:
            place.server.acquire()
        assert str(file) in failed.value.message
        assert not place.running()


def test_a_missing_password_is_not_made_up_for_data_that_are_there(place: Place) -> None:
    file = place.folder.password_file
    kept = file.rename(file.with_name("kept"))
    try:
        with pytest.raises(EmbeddedServerFailed, match="is missing"):
            place.server.acquire()
        assert not file.exists()
    finally:
        kept.rename(file)


def test_data_of_a_newer_tidb_are_not_touched(place: Place) -> None:
    with (
        changed(
            place.folder.path / "state.json", lambda text: re.sub(r'"v[\d.]+"', '"v99.0.0"', text)
        ),
        pytest.raises(EmbeddedServerFailed, match=r"written by TiDB v99\.0\.0"),
    ):
        place.server.acquire()


def test_a_record_that_cannot_be_read_is_named(place: Place) -> None:
    with (
        changed(place.folder.path / "state.json", lambda _: "{"),
        pytest.raises(EmbeddedServerFailed, match=r"state\.json cannot be read"),
    ):
        place.server.acquire()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path, cache_dir: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(
        EmbeddedServerFailed, match="file/data/tidb cannot be used: Not a directory"
    ):
        EmbeddedServer(tmp_path / "file" / "data", cache_dir, 600, print).acquire()
