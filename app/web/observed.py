"""What every request passes first of all: its id, its time, its span, and a line in the log."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from uuid import uuid4

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.telemetry import TelemetryConfig
from opentelemetry import propagate
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.database.liveness import waiting_at_most
from app.telemetry import HTTP, REQUEST_ID, tracer

log = logging.getLogger(__name__)

HEADER = "x-request-id"
GIVEN = re.compile(r"[A-Za-z0-9._:-]{1,100}")
"""What a proxy's id may be made of; another one is not passed on."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FAULT = 500
PATIENCE = 60.0
"""Seconds that a request waits for one statement of TiDB: who asked has given up by then."""
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""FastAPI's own would write down whole addresses, and with them the questions that people ask."""


@dataclass
class Draining:
    """Whether the process is about to stop: it answers, and lets go of its connections."""

    begun: bool = False


@dataclass(frozen=True)
class Observed:
    """Gives each request an id, which a proxy may have chosen, and tells of it once it has ended.

    Requests are logged at `level`. Routes, not addresses, name figures: those are few.
    """

    app: ASGIApp
    draining: Draining
    level: int = logging.DEBUG

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(HEADER, "")
        request_id = given if GIVEN.fullmatch(given) else f"req_{uuid4().hex}"
        scope.setdefault("state", {})["request_id"] = request_id
        status = FAULT  # unless a reply begins
        began = time.perf_counter()

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = MutableHeaders(scope=message)
                sent[HEADER] = request_id
                if self.draining.begun:
                    sent["connection"] = "close"
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        token = REQUEST_ID.set(request_id)
        try:
            with (
                waiting_at_most(PATIENCE),
                tracer.start_as_current_span(
                    method,
                    context=propagate.extract(dict(headers)),
                    kind=SpanKind.SERVER,
                    record_exception=False,
                    set_status_on_exception=False,
                ) as span,
            ):
                try:
                    await self.app(scope, receive, named)
                finally:
                    route = _route(scope)
                    span.update_name(f"{method} {route}")
                    span.set_attributes(
                        {
                            "http.request.method": method,
                            "http.route": route,
                            "http.response.status_code": status,
                            "tidemark.request_id": request_id,
                        }
                    )
                    if status >= FAULT:
                        span.set_status(Status(StatusCode.ERROR))
                    seconds = time.perf_counter() - began
                    HTTP.labels(method, route, str(status)).observe(seconds)
                    log.log(
                        self.level,
                        "%s %s: %s",
                        method,
                        route,
                        status,
                        extra={
                            "http": {
                                "method": method,
                                "route": route,
                                "status": status,
                                "milliseconds": round(1000 * seconds, 1),
                            }
                        },
                    )
        finally:
            REQUEST_ID.reset(token)


def know_routes(app: FastAPI) -> None:
    """Note the address of each endpoint, by which requests are told of.

    It makes FastAPI take every route apart, which it does with warnings turned off for the whole
    process: so before there are threads, rather than while the first request waits.
    """
    app.state.routes_by_endpoint = {
        route.endpoint: route.path
        for part in (app, app.state.v1)
        for route in iter_route_contexts(part.routes)
        if route.endpoint is not None
    }


def _route(scope: Scope) -> str:
    """The pattern of the address, as `/documents/{document_id}`; `_unknown` where there is none."""
    app = scope.get("app")
    if app is None:  # it was refused before the application saw it
        return "_unknown"
    return str(app.state.routes_by_endpoint.get(scope.get("endpoint"), "_unknown"))
