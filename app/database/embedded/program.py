"""Which TiDB is started: one that is here, else a container, else one that is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.database.embedded.binary import TIDB_VERSION, Binary, BinaryCache, binary_on_path
from app.database.embedded.build import build
from app.database.embedded.container import Container, docker_answers, image_is_here, pull
from app.database.embedded.folder import ServerFolder, ServerState
from app.database.embedded.process import LocalProcess

IMAGE = f"pingcap/tidb:{TIDB_VERSION}"

Runner = LocalProcess | Container


@dataclass(frozen=True)
class Program:
    """What a runner launches: the path of a binary, or the name of an image."""

    runner: Runner
    name: str
    version: str


def find_program(folder: ServerFolder, cache_dir: Path, announce: Callable[[str], None]) -> Program:
    """The first that is to be had, in the order above.

    Raises:
        EmbeddedServerFailed: none is here, and none can be made.
    """
    cache = BinaryCache.within(cache_dir)
    here = binary_on_path(announce) or cache.find(announce)
    if here is not None:
        return _process(folder, here)
    if not _belongs_to_a_process(folder.state()) and docker_answers():
        if not image_is_here(IMAGE):
            announce(f"Fetching the image {IMAGE} through Docker (some 200 MB).")
        if image_is_here(IMAGE) or pull(IMAGE):
            return Program(Container(folder), IMAGE, TIDB_VERSION)
        announce(f"Docker cannot fetch {IMAGE}.")
    return _process(folder, build(cache, announce))


def runner_of(folder: ServerFolder, state: ServerState | None) -> Runner:
    """What the last start was made with."""
    if state is not None and state.kind == "container":
        return Container(folder)
    return LocalProcess(folder)


def _process(folder: ServerFolder, binary: Binary) -> Program:
    return Program(LocalProcess(folder), str(binary.path), binary.version)


def _belongs_to_a_process(state: ServerState | None) -> bool:
    """A process lets root in from loopback only, which a container's host is not."""
    return state is not None and state.initialized and state.kind == "process"
