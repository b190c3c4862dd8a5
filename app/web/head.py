"""HEAD wherever there is a GET: monitors and checkers of links ask so."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Answers a HEAD as the same GET, without what comes after its headers.

    A stream of events ends with them: whoever writes it is told that nobody reads.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        begun = False

        async def head(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                scope["method"] = "HEAD"  # the server reads it here, too
                await send(message)
                await send({"type": "http.response.body", "body": b""})

        scope["method"] = "GET"
        await self.app(scope, receive, head)
