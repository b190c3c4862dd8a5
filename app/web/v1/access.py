"""Who calls `/v1`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request


@dataclass(frozen=True)
class Caller:
    """Who makes a request, as far as that is known.

    `secret` is what was sent as a key, by either header; None if none was, or an empty one.
    """

    secret: str | None


async def caller(request: Request) -> Caller:
    """Read the key from `Authorization: Bearer` or `X-API-Key`, and let everyone in.

    No key has been made as yet, and a local server then takes any or none. This is where keys,
    their scopes and their limits are to be checked once they exist: every endpoint asks here.
    """
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    bearer = credentials.strip() if scheme.lower() == "bearer" else ""
    return Caller(bearer or request.headers.get("x-api-key", "").strip() or None)


Allowed = Annotated[Caller, Depends(caller)]
