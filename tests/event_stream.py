"""Server-sent events, as whoever reads a stream gets them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.waiting import PATIENCE


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """(name, data) of server-sent events; comments keep a connection open for ever, not this."""
    name = ""
    ends = time.monotonic() + PATIENCE
    for line in lines:
        assert time.monotonic() < ends, "what was waited for was not told"
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
