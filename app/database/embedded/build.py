"""Building TiDB from its Go module, once: the pinned version, checked against `tidb/go.sum`."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.config import project_folder
from app.database.embedded.binary import TIDB_VERSION, Binary, BinaryCache, told_version
from app.database.embedded.failures import ELSEWHERE, disk_full, require_space
from app.database.embedded.locks import locked
from app.database.embedded.toolchain import GoToolchain, find_go
from app.errors import EmbeddedServerFailed

PACKAGE = "github.com/pingcap/tidb/cmd/tidb-server"
TAGS = ("-tags", "codes")
FLAGS = f"-s -w -X github.com/pingcap/tidb/pkg/parser/mysql.TiDBReleaseVersion={TIDB_VERSION}"
SPACE = 6_000  # MB: 2 GB of modules, 2 GB of objects, and what the linker needs
ANNOUNCE_EVERY = 15.0  # seconds


def build(cache: BinaryCache, announce: Callable[[str], None]) -> Binary:
    """Build TiDB into `cache`; of several processes that ask at once, one builds.

    Raises:
        EmbeddedServerFailed: no Go, no network, no space, or the build failed.
    """
    cache.folder.mkdir(parents=True, exist_ok=True)

    def waiting() -> None:
        announce("Waiting for another Tidemark process, which is building TiDB.")

    with locked(cache.folder / "lock", waiting):
        built = cache.find(announce)  # by the process that was waited for
        return built or _build(cache, announce)


def _build(cache: BinaryCache, announce: Callable[[str], None]) -> Binary:
    require_space(cache.folder, SPACE, "Building TiDB", "TIDEMARK_CACHE_DIR")
    workshop = cache.folder / "build"  # kept when interrupted: the next try goes on from there
    workshop.mkdir(exist_ok=True)
    toolchain = find_go(workshop, announce)
    announce(f"Building TiDB {TIDB_VERSION} from source, once: it takes a few minutes.")
    began = time.monotonic()
    packages = _packages(toolchain, announce)
    draft = workshop / "tidb-server"
    _compile(toolchain, draft, packages, announce)
    if told_version(draft) != TIDB_VERSION:
        raise EmbeddedServerFailed(
            f"The TiDB that was built does not run, or does not say that it is {TIDB_VERSION}.",
            remedy=f"Try another Go, or {ELSEWHERE}.",
        )
    draft.replace(cache.path)
    cache.record()
    announce(f"Built TiDB {TIDB_VERSION} in {time.monotonic() - began:.0f} s: {cache.path}")
    shutil.rmtree(workshop, ignore_errors=True)
    return Binary(cache.path, TIDB_VERSION)


def _packages(toolchain: GoToolchain, announce: Callable[[str], None]) -> int:
    """How many packages TiDB is made of; the modules they are in are fetched on the way."""
    progress = _Progress(announce)
    counts = {"fetched": 0, "packages": 0}

    def heard(line: str) -> None:
        if line.startswith("go: downloading"):
            counts["fetched"] += 1
            progress.tell(f"Fetching what TiDB is made of: {counts['fetched']} modules so far")
        else:
            counts["packages"] += 1

    _run(toolchain, ["list", *TAGS, "-deps", PACKAGE], heard)
    return counts["packages"]


def _compile(
    toolchain: GoToolchain, draft: Path, packages: int, announce: Callable[[str], None]
) -> None:
    progress = _Progress(announce)
    done: list[str] = []

    def heard(line: str) -> None:
        if not line.startswith("go: "):
            done.append(line)
        progress.tell(f"Building TiDB {TIDB_VERSION}: {len(done):,} of {packages:,} packages")
        if line.strip() == PACKAGE:
            announce("Linking TiDB, which is the last step.")

    flags = ["-v", *TAGS, "-trimpath", "-buildvcs=false", "-ldflags", FLAGS, "-o", str(draft)]
    _run(toolchain, ["build", *flags, PACKAGE], heard)


@dataclass
class _Progress:
    """Says how far it is, but not more often than one would read it."""

    announce: Callable[[str], None]
    last: float = -ANNOUNCE_EVERY

    def tell(self, sentence: str) -> None:
        now = time.monotonic()
        if now - self.last >= ANNOUNCE_EVERY:
            self.last = now
            self.announce(sentence)


def _run(toolchain: GoToolchain, words: list[str], heard: Callable[[str], None]) -> None:
    """Run `go` in the folder of the module that pins TiDB, and pass on each line that it prints.

    Raises:
        EmbeddedServerFailed: `go` failed, with its last words.
    """
    last: deque[str] = deque(maxlen=5)
    with subprocess.Popen(
        [str(toolchain.go), *words],
        cwd=project_folder() / "tidb",
        env=toolchain.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as running:
        assert running.stdout is not None  # noqa: S101 - it is a pipe
        try:
            for line in running.stdout:
                last.append(line.strip())
                heard(line)
        except BaseException:
            running.terminate()
            raise
    if running.returncode != 0:
        raise _build_failure(" / ".join(line for line in last if line))


def _build_failure(told: str) -> EmbeddedServerFailed:
    if "no space left on device" in told or "disk quota exceeded" in told:
        return disk_full(Path("the cache and the temporary files"))
    return EmbeddedServerFailed(
        f"TiDB {TIDB_VERSION} could not be built: {told}",
        remedy="Connect to the network and try again (what was done is kept), or start Docker, "
        f"or put a tidb-server on PATH; or {ELSEWHERE}.",
    )
