"""How the embedded server is told to run: configuration, first statements, environment."""

from __future__ import annotations

import os
from pathlib import Path

# Held at every start, for data folders that an older Tidemark made too.
GLOBAL_VARIABLES = {
    # On one server without fsync and with locks in memory, a kill between the two commits of a
    # transaction could tear it: one-phase commit leaves no such gap.
    "tidb_enable_1pc": "ON",
    "tidb_enable_async_commit": "OFF",
    # Both would undo GOMEMLIMIT and GOGC: the first raises GOGC up to 500 while the heap is far
    # below the machine's memory, the second sets Go's limit to a share of that memory.
    "tidb_enable_gogc_tuner": "OFF",
    "tidb_server_memory_limit": "0",
}

# Half of Go's default. After 10,000 chunks under a limit of 600 MiB it rests at 500 MB, not 580,
# for a twentieth more processor time. (A limit of 400 MiB rests at 320, but collecting garbage then
# costs searches half as much again.)
GOGC = "50"


def configuration(*, log: Path, slow_log: Path, temporary: Path) -> str:
    """The configuration file, in TOML."""
    return f"""\
# Written by Tidemark at every start of its TiDB.
socket = ""
split-table = false
enable-telemetry = false
temp-dir = {_quoted(temporary)}
tmp-storage-path = {_quoted(temporary / "storage")}

[log]
level = "warn"
slow-query-file = {_quoted(slow_log)}

[log.file]
filename = {_quoted(log)}
max-size = 20
max-backups = 2

[tikv-client.copr-cache]
capacity-mb = 0.0
"""


def first_statements(password: str, *, user_host: str) -> str:
    """What the server runs at the end of its first start, before it takes connections."""
    narrow = "" if user_host == "%" else f"RENAME USER 'root'@'%' TO 'root'@'{user_host}';\n"
    variables = "".join(f"SET GLOBAL {k} = '{v}';\n" for k, v in GLOBAL_VARIABLES.items())
    return f"{narrow}ALTER USER 'root'@'{user_host}' IDENTIFIED BY '{password}';\n{variables}"


def server_flags(*, port: int, status_port: int) -> list[str]:
    return ["-store", "unistore", "-P", str(port), "-status", str(status_port)]


def memory_environment(memory_mb: int) -> dict[str, str]:
    """What holds Go's heap to `memory_mb` MiB."""
    return {"GOMEMLIMIT": f"{memory_mb}MiB", "GOGC": GOGC}


def process_environment(memory_mb: int, temporary: Path) -> dict[str, str]:
    """The server's whole environment: keys of model providers are none of its business."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TZ", "LANG") if name in os.environ}
    return {**kept, **memory_environment(memory_mb), "TMPDIR": str(temporary)}


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
