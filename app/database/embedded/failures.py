"""Why the embedded server could not be had, in words that a person can act on."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

from app.database.embedded.folder import ServerFolder
from app.errors import EmbeddedServerFailed

ELSEWHERE = "set TIDB_DATABASE_URL to a TiDB that runs elsewhere"
SPACE_TO_BEGIN = 600  # MB: TiDB lays out a value log of 256 MB, and the next when that is full
SPACE_TO_START = 100  # MB, with data that are there already: enough to get at them, and delete some
_LOG_MESSAGE = re.compile(r'\[(?:ERROR|FATAL)\] \[[^\]]*\] \["?(?P<what>.*?)"?\](?P<fields>.*)')
_LOG_ERROR = re.compile(r'\[error="?(?P<error>(?:[^"\\\]]|\\.)*)')


class PortTaken(EmbeddedServerFailed):
    """Another program took a port between its choice and TiDB's start."""

    remedy = "Start again: other ports will be chosen."


def unusable(error: OSError, path: Path) -> EmbeddedServerFailed:
    """`error` came up while Tidemark wrote in or read from `path`."""
    where = Path(str(error.filename)) if error.filename else path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(where)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return EmbeddedServerFailed(
            f"{where} cannot be written to: {error.strerror}.",
            remedy="Give yourself the right to write there, or set TIDEMARK_DATA_DIR and "
            "TIDEMARK_CACHE_DIR to folders that are yours.",
        )
    return EmbeddedServerFailed(
        f"{where} cannot be used: {error.strerror or error}.",
        remedy="Set TIDEMARK_DATA_DIR and TIDEMARK_CACHE_DIR to folders on a local disk.",
    )


def disk_full(path: Path) -> EmbeddedServerFailed:
    return EmbeddedServerFailed(
        f"The disk that holds {path} is full.",
        remedy="Free some space, or set TIDEMARK_DATA_DIR to a folder on another disk.",
    )


def require_space(path: Path, megabytes: int, purpose: str, setting: str) -> None:
    """Refuse to begin what would fill the disk.

    Raises:
        EmbeddedServerFailed: fewer than `megabytes` (10^6 bytes) are free where `path` is.
    """
    free = shutil.disk_usage(path).free // 1_000_000
    if free < megabytes:
        raise EmbeddedServerFailed(
            f"{purpose} needs {megabytes:,} MB of disk, and {path} has {free:,} MB free.",
            remedy=f"Free some space, or set {setting} to a folder on another disk.",
        )


def start_failure(folder: ServerFolder, told: str) -> EmbeddedServerFailed:
    """The server ended before it was ready, after writing `told` to its log and streams."""
    if "acquire directory lock" in told:
        return EmbeddedServerFailed(
            f"Another TiDB server uses the data in {folder.data}.",
            remedy="Stop that server, or set TIDEMARK_DATA_DIR to another folder.",
        )
    if "address already in use" in told:
        return PortTaken("Another program uses a port that TiDB was to listen on.")
    if "no space left on device" in told or "disk quota exceeded" in told:
        return disk_full(folder.path)
    if "permission denied" in told:
        return EmbeddedServerFailed(
            f"TiDB may not write to its folder {folder.path}.",
            remedy=f"Make yourself the owner of {folder.path} and of all that is in it.",
        )
    return EmbeddedServerFailed(
        f"TiDB ended before it was ready: {_last_words(told)}",
        remedy=f"{folder.log} and {folder.output} tell more; or {ELSEWHERE}.",
    )


def _last_words(told: str) -> str:
    complaints = list(_LOG_MESSAGE.finditer(told))
    if complaints:
        last = complaints[-1]
        error = _LOG_ERROR.search(last["fields"])
        return f"{last['what']}: {error['error']}." if error else f"{last['what']}."
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    crash = next((line for line in lines if line.startswith(("panic:", "fatal error:"))), None)
    return crash or (lines[-1] if lines else "it gave no reason.")
