"""Counting an answer's tokens against its caller's limits, once they are known."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from anyio import to_thread
from fastapi import Request

from app.web.access import holders_of
from app.web.v1.cited import Stretch
from app.web.v1.telling import Spent
from app.web.wiring import all_services


async def charged(
    request: Request, told: AsyncGenerator[Stretch | Spent, None]
) -> AsyncGenerator[Stretch | Spent, None]:
    """Pass an answer on, and count its tokens once they are known."""
    holders, limits = holders_of(request), all_services(request).rate_limits
    async with aclosing(told):
        async for part in told:
            if holders and isinstance(part, Spent):
                tokens = part.prompt + part.completion
                charge = partial(limits.charge, holders, tokens=tokens)
                request.state.standing = await to_thread.run_sync(charge)
            yield part
