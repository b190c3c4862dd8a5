"""Who calls `/v1`: an API key with the scope that the route needs, in the words of the contract."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request

from app.access.callers import Caller
from app.access.rights import NOTHING, Right
from app.errors import NotAllowed, NotSignedIn, RateLimited, WrongKey
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
        caller = await to_thread.run_sync(services.callers.by_key, secret)
        request.state.sight = caller.sight(right)
    except WrongKey as wrong:
        raise Refused(_said(wrong), status=401, code="invalid_api_key") from None
    except NotSignedIn as missing:
        raise Refused(_said(missing), status=401) from None
    except NotAllowed as lacking:
        raise Refused(_said(lacking), status=403, code="insufficient_permissions") from None
    request.state.caller = caller
    await spend(request, requests=1)


async def spend(request: Request, *, requests: int = 0, tokens: int = 0) -> None:
    """Count a request, or the tokens that it is about to use, against the caller's limits.

    Raises:
        Refused: 429; then nothing is counted.
    """
    holders = holders_of(request)
    if not holders:
        return
    limits = all_services(request).rate_limits
    take = partial(limits.take, holders, requests=requests, tokens=tokens)
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
