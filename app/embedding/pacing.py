"""How much of a provider's rate may be used now: a leaky bucket, as the cells of ATM counted it.

The generic cell rate algorithm keeps one moment, when the bucket will be empty again. In any minute
it lets through no more than the limit, since what it holds at once is taken off the steady rate.
https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

MINUTE = 60.0
USED_WITHIN = 0.25
"""Seconds within which what was granted is used, or given up: used later, it would count in the
minute after."""
ON_THE_WAY = 0.25
"""Seconds by which the ways of two requests to the provider may differ."""
_AT_ONCE = 0.015  # of a minute's limit


@dataclass(frozen=True)
class Bucket:
    """What one limit lets through: `burst` at once, and one more every `interval` seconds."""

    limit: int
    """In a minute."""
    burst: int

    @classmethod
    def of(cls, limit: int, largest: int = 1) -> Bucket:
        """The bucket for a limit, where one request may cost as much as `largest`."""
        burst = max(math.ceil(limit * _AT_ONCE), largest)
        return cls(limit, min(burst, max(1, limit - 1)))

    @property
    def interval(self) -> float:
        steady = max(1, self.limit - self.burst)
        return (MINUTE + USED_WITHIN + ON_THE_WAY) / steady

    def wait(self, empty_at: float, now: float, cost: int) -> float:
        """Seconds until `cost` may be used; 0 if it may be now."""
        after = max(empty_at, now) + min(cost, self.burst) * self.interval
        return max(0.0, after - now - self.burst * self.interval)

    def after(self, empty_at: float, now: float, cost: int) -> float:
        """When the bucket will be empty once `cost` has been let through."""
        return max(empty_at, now) + cost * self.interval

    def room(self, empty_at: float, now: float) -> int:
        """How much may be used at once."""
        return int(self.burst - max(0.0, empty_at - now) / self.interval + 1e-6)


class Pacer(Protocol):
    """Who is asked before each request to a provider."""

    def admit(self, tokens: int, *, urgent: bool) -> None:
        """Return once a request of so many tokens may be made.

        Raises:
            ProviderUnavailable: it is urgent, and would have to wait for long.
        """
        ...

    def hold(self, seconds: float) -> None:
        """Let nobody make a request for so long: the provider asked for it."""
        ...


class Unpaced:
    """For providers without a known limit: each request may be made, and waits by itself."""

    def admit(self, tokens: int, *, urgent: bool) -> None:
        pass

    def hold(self, seconds: float) -> None:
        pass
