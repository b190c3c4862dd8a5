"""What each stage of a retrieval did, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.retrieval.passage import Stage
from app.telemetry import stage as measured


@dataclass
class Clock:
    """Stages as they were timed, in the order in which they ended."""

    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[list[str]]:
        """Time what is done; its detail may be told to the list, once it is known."""
        began = time.perf_counter()
        told = [detail]
        with measured("search", name):
            yield told
        self.stages.append(Stage(name, told[-1], 1000 * (time.perf_counter() - began)))
