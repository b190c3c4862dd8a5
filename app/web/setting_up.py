"""Until somebody administers a Tidemark that others reach, it serves the way to begin alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyio import to_thread
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.callers import Callers
from app.access.users import UserStore
from app.errors import NoAdministrator, TidemarkError
from app.web.errors import error_body, wants_page
from app.web.rendering import render
from app.web.security import SecurityHeaders
from app.web.v1.door import canonical
from app.web.v1.errors import refused

LOOKS = frozenset(f"/static/{name}" for name in ("style.css", "keys.js", "favicon.svg"))
SERVED = frozenset({"/welcome", "/health/live"}) | LOOKS
"""The page of the one-time link, and that the process lives."""


@dataclass
class AdministratorFirst:
    """Answers everything but `SERVED` with 503, keys of earlier days included, until there is one.

    The administrator may be made anywhere: by the link, or on the command line of any machine. So
    the database is asked, until it says so once; from then on nothing is asked.
    """

    app: ASGIApp
    callers: Callers
    users: UserStore
    _begun: bool = field(default=False, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in SERVED:
            refusal = await self._refusal()
            if refusal is not None:
                reply = _told(Request(scope), refusal)
                await SecurityHeaders(reply)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _refusal(self) -> TidemarkError | None:
        if self._begun or not self.callers.asks:
            return None
        try:
            self._begun = await to_thread.run_sync(self.users.any_administrator)
        except TidemarkError as away:
            return away
        return None if self._begun else NoAdministrator("This Tidemark has no administrator yet.")


def _told(request: Request, refusal: TidemarkError) -> Response:
    if canonical(request.url.path) is not None:
        return refused(refusal).reply()
    if wants_page(request):
        status = refusal.status_code
        return render(request, "setting-up.html", status_code=status, error=refusal)
    return JSONResponse(error_body(refusal), status_code=refusal.status_code)
