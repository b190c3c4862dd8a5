"""Processes of `tidemark` that are begun often, to be killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

FORKS = get_context("forkserver")
# What all of them import, imported once. pytest is the program that each would look at again.
FORKS.set_forkserver_preload(
    ["pytest", "app.cli", "app.main", "app.opening", "app.web.server", "app.embedding.local"]
)


def begun(command: str, environment: Mapping[str, str], told: Path) -> ForkServerProcess:
    """`tidemark COMMAND` as a process of its own, which writes what it says into `told`.

    It is a fork of one that has imported everything, for that is most of what a start takes.
    """
    process = FORKS.Process(target=_run, args=(command, dict(environment), told))
    process.start()
    return process


def _run(command: str, environment: Mapping[str, str], told: Path) -> None:
    output = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    # The fork server's own is of the time when it was begun.
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["tidemark", command]
    from app.cli import main

    main()
