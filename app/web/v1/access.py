"""Who calls `/v1`: an API key with the scope that the route needs, in the words of the contract."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request

from app.access.callers import Caller
from app.access.limits import Standing
from app.access.rights import NOTHING, Right, Sight
from app.errors import NotAllowed, NotSignedIn, RateLimited, WrongKey
from app.services import Services
from app.web.access import holders_of, right_of, secret_of
from app.web.v1.errors import Refused, refused
from app.web.wiring import all_services


async def admit(request: Request) -> None:
    """Let the request pass, if its key may make it; local servers take any, until one is made.

    Raises:
        Refused: 401 without a key or with a wrong one, 403 without the scope.
    """
    right = right_of(request.scope["endpoint"])
    request.state.sight = NOTHING
    if right is Right.OPEN:
        return
    services, secret = all_services(request), secret_of(request)
    try:
        # At once, and not in `spend`, for each way to a thread and back costs a query its time.
        found = await to_thread.run_sync(_admitted, services, secret, right)
    except WrongKey as wrong:
        raise Refused(_said(wrong), status=401, code="invalid_api_key") from None
    except NotSignedIn as missing:
        raise Refused(_said(missing), status=401) from None
    except NotAllowed as lacking:
        raise Refused(_said(lacking), status=403, code="insufficient_permissions") from None
    request.state.caller, request.state.sight, request.state.standing, over = found
    if over is not None:
        raise refused(over)


def _admitted(
    services: Services, secret: str | None, right: Right
) -> tuple[Caller, Sight, Standing | None, RateLimited | None]:
    """Who calls and may, where they stand with this request counted; or why it cannot be."""
    caller = services.callers.by_key(secret)
    sight = caller.sight(right)
    limits = services.rate_limits
    holders = limits.holders(caller.key) if caller.key else ()
    if not holders:
        return caller, sight, None, None
    try:
        return caller, sight, limits.take(holders, requests=1, tokens=0), None
    except RateLimited as over:
        return caller, sight, limits.charge(holders, tokens=0), over


async def spend(request: Request, *, tokens: int) -> None:
    """Count the tokens that a request is about to use against the caller's limits.

    Raises:
        Refused: 429; then nothing is counted.
    """
    holders = holders_of(request)
    if not holders:
        return
    limits = all_services(request).rate_limits
    take = partial(limits.take, holders, requests=0, tokens=tokens)
    try:
        request.state.standing = await to_thread.run_sync(take)
    except RateLimited as over:
        raise refused(over) from None


async def caller(request: Request) -> Caller:
    found: Caller = request.state.caller
    return found


Allowed = Annotated[Caller, Depends(caller)]


def _said(error: NotSignedIn | NotAllowed) -> str:
    return f"{error.message} {error.remedy}"
