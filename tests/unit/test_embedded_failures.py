from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from app.database.embedded.failures import (
    PortTaken,
    require_space,
    start_failure,
    unusable,
)
from app.database.embedded.folder import ServerFolder
from app.errors import EmbeddedServerFailed

FOLDER = ServerFolder(Path("/data/tidb"))


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            'Cannot acquire directory lock on "/data/tidb/data/kv".  Another process is using it',
            "Another TiDB server uses the data in /data/tidb/data.",
        ),
        (
            "write /data/tidb/data/kv/000001.vlog: no space left on device",
            "The disk that holds /data/tidb is full.",
        ),
        (
            "open /data/tidb/data/kv/MANIFEST: permission denied",
            "TiDB may not write to its folder /data/tidb.",
        ),
        (
            (
                '[2026/11/21 10:21:01.572 +00:00] [FATAL] [main.go:1] ["cannot open store"] '
                '[error="bad magic"] [stack="main"]'
            ),
            "TiDB ended before it was ready: cannot open store: bad magic.",
        ),
        (
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()",
            "TiDB ended before it was ready: panic: runtime error: index out of range",
        ),
        ("", "TiDB ended before it was ready: it gave no reason."),
    ],
)
def test_why_a_start_failed_is_told_in_a_sentence(told: str, sentence: str) -> None:
    failure = start_failure(FOLDER, told)
    assert failure.message == sentence
    assert failure.remedy


def test_a_taken_port_is_told_apart_for_another_try() -> None:
    assert isinstance(start_failure(FOLDER, "listen: bind: address already in use"), PortTaken)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "The disk that holds /data/tidb/state.json is full."),
        (errno.EROFS, "/data/tidb/state.json cannot be written to: Read-only file system."),
        (errno.EACCES, "/data/tidb/state.json cannot be written to: Permission denied."),
        (errno.ENOTDIR, "/data/tidb/state.json cannot be used: Not a directory."),
    ],
)
def test_what_the_disk_refuses_is_told_in_a_sentence(number: int, sentence: str) -> None:
    error = OSError(number, os.strerror(number), "/data/tidb/state.json")
    assert unusable(error, FOLDER.path).message == sentence


def test_what_would_fill_the_disk_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage("/"))(10**10, 10**10 - 5_000_000, 5_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(EmbeddedServerFailed, match=r"needs 6,000 MB of disk, and / has 5 MB free"):
        require_space(Path("/"), 6000, "Building TiDB", "TIDEMARK_CACHE_DIR")
