"""`/mcp`: the MCP server over streamable HTTP, for callers with a key where keys are asked for."""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.access.callers import Caller
from app.access.rights import Right
from app.errors import TidemarkError
from app.web.access import secret_of
from app.web.wiring import all_services

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context, MCPServer

    from app.web.mcp.server import Seen

PATH = "/mcp"
_METHODS = ("GET", "POST", "DELETE")


def install(app: FastAPI) -> None:
    app.router.routes.append(Route(PATH, McpDoor(), methods=_METHODS, name="mcp"))


class McpDoor:
    """Lets callers in by their key; no session is kept, so that any process can answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            caller = await to_thread.run_sync(_caller, request)
        except TidemarkError as refusal:
            await _refused(refusal)(scope, receive, send)
            return
        request.state.caller = caller
        from mcp.server.transport_security import TransportSecuritySettings

        # Host and origin have been checked before: see `SameSiteOnly`. A manager is made for each
        # request and ends with it, because nothing is kept between them.
        self._server.streamable_http_app(
            stateless_http=True,
            json_response=True,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        manager = self._server.session_manager
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    @cached_property
    def _server(self) -> MCPServer[Any]:
        # Imported when it is first asked for: the SDK would make every start slower.
        from app.web.mcp.server import make_server

        return make_server(_seen)


def _caller(request: Request) -> Caller:
    services = all_services(request)
    caller = services.callers.by_key(secret_of(request))
    if caller.key is not None:
        services.rate_limits.count(caller.key)
    return caller


def _seen(context: Context[Any, Request], right: Right) -> Seen:
    from app.web.mcp.server import Seen

    request = context.request_context.request
    assert request is not None  # noqa: S101 - over HTTP there always is one
    caller: Caller = request.state.caller
    return Seen(all_services(request).seen_by(caller.sight(right)), str(request.base_url))


def _refused(error: TidemarkError) -> JSONResponse:
    unknown = error.status_code == HTTPStatus.UNAUTHORIZED
    body = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    headers = {"www-authenticate": "Bearer"} if unknown else None
    return JSONResponse(body, status_code=error.status_code, headers=headers)
