"""Whose conversations a request may see: the user's; where nobody signs in, the browser's."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from app.access.callers import Caller
from app.access.digest import digest

COOKIE = "tidemark-reader"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_YEAR = 365 * 86_400  # seconds


@dataclass(frozen=True)
class Reader:
    """`owner` is what is stored; `token` what the browser shows, and `fresh` if it has none yet.

    A user, or a program with a key, needs no such token, and leaves nothing in a browser that
    somebody else may use next.
    """

    owner: str
    token: str
    fresh: bool
    secure: bool

    def keep(self, response: Response) -> None:
        """Give the browser its cookie, if it has none; no script and no other site can use it."""
        if self.fresh:
            response.set_cookie(
                COOKIE,
                self.token,
                max_age=_YEAR,
                httponly=True,
                samesite="lax",
                secure=self.secure,
            )


async def reader(request: Request) -> Reader:
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is not None and caller.identity is not None:
        return Reader(digest(caller.identity), "", fresh=False, secure=False)
    shown = request.cookies.get(COOKIE, "")
    fresh = not _TOKEN.fullmatch(shown)
    token = secrets.token_urlsafe(32) if fresh else shown
    return Reader(digest(token), token, fresh, request.url.scheme == "https")


Asker = Annotated[Reader, Depends(reader)]
