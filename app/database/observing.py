"""Each statement's time as a figure, and its span where its request or job has one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, cast

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from app.telemetry import DATABASE, tracer

OPERATIONS = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "SHOW", "EXPLAIN", "SET"}
)


@dataclass
class _Running:
    operation: str
    span: Span | None
    began: float = field(default_factory=time.perf_counter)

    def end(self, *, failed: bool = False) -> None:
        DATABASE.labels(self.operation).observe(time.perf_counter() - self.began)
        if self.span is not None:
            if failed:
                self.span.set_status(Status(StatusCode.ERROR))
            self.span.end()


def observe(engine: Engine) -> None:
    """Tell of every statement by its first word: the rest may hold what belongs to somebody."""
    server = {"db.system.name": "tidb", "db.namespace": engine.url.database or ""}

    def before(**said: object) -> None:
        word = str(said["statement"]).lstrip("( \n").partition(" ")[0].upper()
        operation = word if word in OPERATIONS else "OTHER"
        span = None
        if trace.get_current_span().is_recording():
            attributes = {**server, "db.operation.name": operation}
            span = tracer.start_span(operation, kind=SpanKind.CLIENT, attributes=attributes)
        if said["context"] is not None:
            cast("Any", said["context"]).tidemark_running = _Running(operation, span)

    def after(**said: object) -> None:
        running: _Running | None = getattr(said["context"], "tidemark_running", None)
        if running is not None:
            running.end()

    def failed(error: ExceptionContext) -> None:
        running: _Running | None = getattr(error.execution_context, "tidemark_running", None)
        if running is not None:
            running.end(failed=True)

    event.listen(engine, "before_cursor_execute", before, named=True)
    event.listen(engine, "after_cursor_execute", after, named=True)
    event.listen(engine, "handle_error", failed)
