"""What one document may cost while it is parsed."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Far more than an honest document of its size needs, and less than a machine misses."""

    seconds: float = 120
    """Of a processor's time, so that a busy machine refuses no more than an idle one."""
    seconds_per_megabyte: float = 10
    waits: float = 4
    """Times as long by the clock, for what waits instead of working."""
    memory_megabytes: int = 1_000
    """On top of what the parsers take themselves."""
    characters: int = 50_000_000
    """Of text that comes out: a small archive can hold any amount of it."""
    kept_megabytes: int = 400
    """What a process may hold between two documents; with more, the next gets another process."""

    def seconds_for(self, size: int) -> float:
        """How much of a processor's time a document of `size` bytes may take."""
        return self.seconds + self.seconds_per_megabyte * size / MB


RECOGNIZING = Limits(seconds=1200, memory_megabytes=2_000, kept_megabytes=1_200)
"""For documents with text in pictures: a page takes several seconds, and its models are large."""
