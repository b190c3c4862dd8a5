"""The embedded server as a container, where Docker answers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from app.database.embedded.configuration import (
    configuration,
    first_statements,
    memory_environment,
    server_flags,
)
from app.database.embedded.folder import ServerFolder
from app.database.embedded.process import LOOPBACK, PATIENCE
from app.errors import EmbeddedServerFailed

QUICK = 10.0  # seconds for what Docker answers at once, when it answers
PULL = 900.0  # seconds for an image of some 200 MB

_INSIDE = ServerFolder(Path("/tidemark"))  # where the server's folder is mounted
_PORT, _STATUS_PORT = 4000, 10080  # inside the container


def docker_answers() -> bool:
    """Whether there is a Docker engine, not only its client."""
    return shutil.which("docker") is not None and _docker("info", seconds=QUICK) is not None


def image_is_here(image: str) -> bool:
    return _docker("image", "inspect", image, seconds=QUICK) is not None


def pull(image: str) -> bool:
    """Fetch `image`; False where its registry cannot be reached."""
    return _docker("pull", "--quiet", image, seconds=PULL) is not None


@dataclass(frozen=True)
class Container:
    """TiDB's image over the same folder as a process would use, its ports on loopback only."""

    folder: ServerFolder
    kind: ClassVar[Literal["container"]] = "container"

    @property
    def name(self) -> str:
        return "tidemark-" + hashlib.sha256(str(self.folder.path).encode()).hexdigest()[:12]

    def alive(self) -> bool:
        running = _docker("inspect", "--format", "{{.State.Running}}", self.name, seconds=QUICK)
        return running is not None and running.strip() == "true"

    def pid(self) -> int | None:
        """Its process id as the machine sees it; None when it does not run."""
        told = _docker("inspect", "--format", "{{.State.Pid}}", self.name, seconds=QUICK)
        return int(told) if told and told.strip().isdigit() and int(told) else None

    def launch(
        self, program: str, *, password: str, port: int, status_port: int, memory_mb: int
    ) -> None:
        """Start `program`, an image; it is not ready yet when this returns."""
        folder = self.folder
        folder.write_privately(
            folder.configuration,
            configuration(log=_INSIDE.log, slow_log=_INSIDE.slow_log, temporary=_INSIDE.temporary),
        )
        # From inside, the host has the address of Docker's bridge: loopback would shut it out. That
        # only loopback gets in is seen to by the published ports.
        folder.write_privately(folder.first_statements, first_statements(password, user_host="%"))
        _docker("rm", "--force", self.name, seconds=PATIENCE)
        variables = {**memory_environment(memory_mb), "TMPDIR": str(_INSIDE.temporary)}
        started = _docker(
            *("run", "--detach", "--name", self.name, "--entrypoint", "/tidb-server"),
            *("--user", f"{os.getuid()}:{os.getgid()}"),
            *("--volume", f"{folder.path}:{_INSIDE.path}"),
            *("--publish", f"{LOOPBACK}:{port}:{_PORT}"),
            *("--publish", f"{LOOPBACK}:{status_port}:{_STATUS_PORT}"),
            *(part for k, v in variables.items() for part in ("--env", f"{k}={v}")),
            program,
            *server_flags(port=_PORT, status_port=_STATUS_PORT),
            *("-path", str(_INSIDE.data), "-config", str(_INSIDE.configuration)),
            *("-initialize-sql-file", str(_INSIDE.first_statements)),
            seconds=60,
        )
        if started is None:
            raise EmbeddedServerFailed(
                f"Docker could not start {program}.",
                remedy=f"`docker logs {self.name}` and `docker info` tell more.",
            )

    def stop(self) -> bool:
        """End it, politely at first, and remove it; whether it ended in peace. The data stay."""
        _docker("stop", "--time", f"{PATIENCE:.0f}", self.name, seconds=2 * PATIENCE)
        left = _docker("inspect", "--format", "{{.State.ExitCode}}", self.name, seconds=QUICK)
        _docker("rm", "--force", self.name, seconds=PATIENCE)
        return left is None or left.strip() == "0"


def _docker(*words: str, seconds: float) -> str | None:
    """What `docker` printed; None if it failed or did not answer in time."""
    try:
        done = subprocess.run(
            ["docker", *words], capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
