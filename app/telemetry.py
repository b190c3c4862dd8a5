"""What can be measured from outside: figures for Prometheus, spans for OpenTelemetry, request ids.

Names are those of OpenTelemetry's semantic conventions where there are some (HTTP, database,
generative AI), with Prometheus' spelling of them in figures. Spans are made only where
`TIDEMARK_TRACES` asks for them: until then OpenTelemetry's own do nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Histogram

from app.errors import InvalidSetting

P = ParamSpec("P")
T = TypeVar("T")

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Bounds in seconds of what people wait for."""
SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

HTTP = Histogram(
    "http_server_request_duration_seconds",
    "How long requests took, until the last byte of the reply.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=QUICK,
)
DATABASE = Histogram(
    "db_client_operation_duration_seconds",
    "How long TiDB took for a statement.",
    ["db_operation_name"],
    buckets=QUICK,
)
MODELS = Histogram(
    "gen_ai_client_operation_duration_seconds",
    "How long a model took: embeddings of a question or a batch, or a whole chat reply.",
    ["gen_ai_operation_name", "gen_ai_request_model", "error_type"],
    buckets=SLOW,
)
TOKENS = Counter(
    "gen_ai_client_token_usage_total",
    "Tokens that chat models were sent and that they wrote, as they say themselves.",
    ["gen_ai_request_model", "gen_ai_token_type"],
)
STAGES = Histogram(
    "tidemark_stage_duration_seconds",
    "How long the stages of a search or an ingest took.",
    ["operation", "stage"],
    buckets=SLOW,
)
DOCUMENTS = Counter(
    "tidemark_ingested_documents_total", "Jobs that ended in this process.", ["outcome"]
)
CHUNKS = Counter("tidemark_ingested_chunks_total", "Chunks that this process stored.")

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Which request is being answered; None outside of one."""

tracer = trace.get_tracer("tidemark")


@contextmanager
def stage(operation: str, name: str) -> Iterator[None]:
    """Time a stage of an operation, `search` or `ingest`, as a figure and as a span."""
    began = time.perf_counter()
    with span(f"{operation} {name}"):
        yield
    STAGES.labels(operation, name).observe(time.perf_counter() - began)


@contextmanager
def model_call(operation: str, model: str, *, local: bool) -> Iterator[Span]:
    """Time a call of a model: `operation` is `embeddings` or `chat`."""
    began, failed = time.perf_counter(), ""
    attributes = {"gen_ai.operation.name": operation, "gen_ai.request.model": model}
    kind = SpanKind.INTERNAL if local else SpanKind.CLIENT
    # Not the current one: a chat's reply is a generator, which leaves it in between.
    made = tracer.start_span(f"{operation} {model}", kind=kind, attributes=attributes)
    try:
        yield made
    except Exception as error:
        failed = type(error).__name__
        made.set_attribute("error.type", failed)
        made.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        made.end()
        MODELS.labels(operation, model, failed).observe(time.perf_counter() - began)


@contextmanager
def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: dict[str, Any] | None = None
) -> Iterator[Span]:
    """A span around what is done; what it raises is named by its class alone.

    A message may quote a document or a question, which belong into no trace.
    """
    with tracer.start_as_current_span(
        name,
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except Exception as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(Status(StatusCode.ERROR))
            raise


def count_tokens(call: Span, model: str, sent: int, written: int) -> None:
    """Note what a chat model says it was sent and wrote."""
    for kind, number in (("input", sent), ("output", written)):
        TOKENS.labels(model, kind).inc(number)
        call.set_attribute(f"gen_ai.usage.{kind}_tokens", number)


def in_this_context(work: Callable[P, T]) -> Callable[P, T]:
    """`work` for another thread, in the request and the span that it is asked for in."""
    context = copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.run(work, *args, **kwargs)

    return run


def send_traces(endpoint: str) -> Callable[[], None]:
    """Send spans to an OpenTelemetry collector by OTLP over HTTP; gives what sends the last ones.

    Raises:
        InvalidSetting: the packages for it are not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as missing:
        raise InvalidSetting(
            "TIDEMARK_TRACES is set, and OpenTelemetry's SDK is not installed.",
            remedy="Install it with `uv sync --inexact --no-dev --extra telemetry`, or unset "
            "TIDEMARK_TRACES.",
        ) from missing
    provider = TracerProvider(resource=Resource.create({"service.name": "tidemark"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider.shutdown
