"""How long tests wait for what a busy machine may take its time with."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds until a test gives up; no test passes because it took less


def wait_until(
    reached: Callable[[], object],
    failure: str,
    *,
    look: float = 0.02,
    left: Callable[[], object] = lambda: "",
) -> None:
    """Return once `reached` is true; fail with `failure`, and what is `left`, if it never is."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, f"{failure} {left()}"
        time.sleep(look)
