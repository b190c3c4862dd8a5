"""What shows from outside: ids, log lines, figures, spans, and whether a process can serve."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.cli.console import JsonLines
from app.config import Settings
from app.main import create_app
from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.integration.v1 import MODEL
from tests.server import application, client, served
from tests.waiting import wait_until

SECRET_WORDS = "The heron nests in the willow."
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def ask(http: httpx.Client, base: SearchableBase, words: str = "heron") -> httpx.Response:
    return http.get(f"/api/knowledge-bases/{base.base.name}/search", params={"q": words})


@pytest.fixture
def filled(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> SearchableBase:
    uploader.upload("birds.md", SECRET_WORDS)
    worker.drain()
    return knowledge_base


def test_the_first_request_does_not_wait_until_the_routes_are_known(
    settings: Settings, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = application(settings, services)

    def late(*_: object, **__: object) -> None:
        raise AssertionError("a route was taken apart while a request waited")

    monkeypatch.setattr("fastapi.dependencies.utils.create_model_field", late)
    with served(app) as address, client(address) as http:
        for path in ("/v1/models", "/status", "/api/knowledge-bases"):
            assert http.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/api/nothing", "/v1/models", "/v1/no", "/x"]
)
def test_every_reply_names_its_request(http: httpx.Client, path: str) -> None:
    ids = {http.get(path).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    given = http.get(path, headers={"x-request-id": "proxy-7:a"})
    assert given.headers.get_list("x-request-id") == ["proxy-7:a"]
    for forged in ("<b>", "a b", "", "x" * 101):
        reply = http.get(path, headers={"x-request-id": forged})
        assert reply.headers["x-request-id"].startswith("req_")


def test_an_error_page_shows_the_request_that_the_log_tells_of(http: httpx.Client) -> None:
    page = http.get("/nowhere", headers={"accept": "text/html"})
    assert page.headers["x-request-id"] in page.text


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What the application logs meanwhile, as JSON lines."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("app")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def test_each_request_is_a_line_of_json_without_anybodys_words(
    settings: Settings, services: Services, filled: SearchableBase
) -> None:
    app = create_app(settings.model_copy(update={"log_format": "json"}), services, worker=False)

    @app.get("/faulty")
    def faulty() -> None:
        logging.getLogger("app.test").warning("Before the fault.")
        raise RuntimeError("a fault of ours")

    with logged() as lines, served(app) as address, client(address) as http:
        found = ask(http, filled)
        failed = http.get("/faulty")
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    (line,) = (each for each in told if each.get("request_id") == found.headers["x-request-id"])
    assert line["http"].pop("milliseconds") > 0
    assert line["http"] == {
        "method": "GET",
        "route": "/api/knowledge-bases/{name}/search",
        "status": 200,
    }
    assert "heron" not in lines.getvalue()
    assert failed.status_code == 500
    of_fault = [each for each in told if each.get("request_id") == failed.headers["x-request-id"]]
    assert [each["level"] for each in of_fault] == ["warning", "info", "error"]
    assert "a fault of ours" in of_fault[-1]["exception"]


def test_figures_tell_of_requests_stages_statements_models_and_the_queue(
    http: httpx.Client, filled: SearchableBase
) -> None:
    ask(http, filled, "where do herons nest")
    http.get("/v1/models/nothing")
    reply = http.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }
    search = {
        "http_request_method": "GET",
        "http_route": "/api/knowledge-bases/{name}/search",
        "http_response_status_code": "200",
    }
    assert found["http_server_request_duration_seconds_count", tuple(sorted(search.items()))] >= 1
    routes = {dict(labels).get("http_route") for _, labels in found}
    assert "/v1/models/{name}" in routes or "/v1/models/{name:path}" in routes
    for stage in ("understand", "meaning", "words", "fuse", "read"):
        labels = (("operation", "search"), ("stage", stage))
        assert found["tidemark_stage_duration_seconds_count", labels] >= 1
    for stage in ("parse", "store", "publish"):
        labels = (("operation", "ingest"), ("stage", stage))
        assert found["tidemark_stage_duration_seconds_count", labels] >= 1
    assert found["db_client_operation_duration_seconds_count", (("db_operation_name", "SELECT"),)]
    assert any(name == "gen_ai_client_operation_duration_seconds_count" for name, _ in found)
    assert found["tidemark_jobs", (("state", "succeeded"),)] >= 1
    assert found["tidemark_indexes", (("state", "active"),)] >= 1
    assert found["tidemark_indexes", (("state", "failed"),)] == 0
    assert found["tidemark_tidb_up", ()] == 1
    assert "heron" not in reply.text


@pytest.mark.parametrize("given", ["ebb", ["ebb", "flood"]])
def test_embeddings_for_clients_are_calls_of_the_local_model_too(
    http: httpx.Client, services: Services, given: str | list[str]
) -> None:
    labels = {
        "gen_ai_operation_name": "embeddings",
        "gen_ai_request_model": services.embedder.model,
        "error_type": "",
    }

    def calls() -> float:
        name = "gen_ai_client_operation_duration_seconds_count"
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = calls()
    assert http.post("/v1/embeddings", json={"model": MODEL, "input": given}).status_code == 200
    assert calls() > before


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Where the spans of this process go from now on."""
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


def test_a_trace_goes_from_the_proxys_request_to_tidbs_statements(
    http: httpx.Client, filled: SearchableBase, exporter: InMemorySpanExporter
) -> None:
    exporter.clear()
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    http.get(
        f"/api/knowledge-bases/{filled.base.name}/search",
        params={"q": "a heron in a tree"},
        headers={"traceparent": parent},
    )
    told_of = (
        "GET /api/knowledge-bases/{name}/search"  # once the reply is there, and a moment after
    )
    wait_until(lambda: told_of in of_trace(exporter, int(TRACE, 16)), "there is no span")
    spans = of_trace(exporter, int(TRACE, 16))
    request = spans[told_of]
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    names = {name for name, span in spans.items() if parent_of(spans, span) is request}
    assert {"search meaning", "search words", "search fuse", "search read"} <= names
    statements = [span for span in exporter.get_finished_spans() if span.name == "SELECT"]
    assert any(parent_of(spans, each) is spans["search words"] for each in statements)
    assert any(name.startswith("embeddings ") for name in spans)
    told = str(
        [(span.name, span.attributes, span.events) for span in exporter.get_finished_spans()]
    )
    assert "heron" not in told


def test_an_ingest_is_a_trace_too(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    exporter: InMemorySpanExporter,
) -> None:
    exporter.clear()
    uploader.upload("birds.md", SECRET_WORDS)
    worker.drain()
    (ingest,) = (span for span in exporter.get_finished_spans() if span.name == "ingest")
    assert ingest.context is not None
    spans = of_trace(exporter, ingest.context.trace_id)
    for stage in ("ingest parse", "ingest store", "ingest publish"):
        assert parent_of(spans, spans[stage]) is spans["ingest"]
    assert "heron" not in str([span.attributes for span in exporter.get_finished_spans()])


def of_trace(exporter: InMemorySpanExporter, trace_id: int) -> dict[str, ReadableSpan]:
    return {
        span.name: span
        for span in exporter.get_finished_spans()
        if span.context is not None and span.context.trace_id == trace_id
    }


def parent_of(spans: dict[str, ReadableSpan], span: ReadableSpan) -> ReadableSpan | None:
    for each in spans.values():
        if span.parent and each.context and each.context.span_id == span.parent.span_id:
            return each
    return None


def test_a_process_that_is_about_to_stop_says_so_and_lets_its_connections_go(
    settings: Settings, services: Services
) -> None:
    app = application(settings, services)
    with served(app) as address, client(address) as http:
        assert http.get("/health/ready").json() == {"status": "ready"}
        app.state.draining.begun = True
        refused = http.get("/health/ready")
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "draining"
        answered = http.get("/api/knowledge-bases")
        assert answered.status_code == 200
        assert answered.headers["connection"] == "close"
        assert http.get("/health/live").status_code == 200


def test_no_process_is_ready_while_the_database_lacks_tables_of_its_version(
    http: httpx.Client, services: Services
) -> None:
    def stamp(revision: str) -> str:
        with services.database.engine.begin() as connection:
            before = connection.execute(text("SELECT version_num FROM alembic_version"))
            present = str(before.scalar_one())
            connection.execute(
                text("UPDATE alembic_version SET version_num = :to"), {"to": revision}
            )
        return present

    head = stamp("0001")
    try:
        refused = http.get("/health/ready")
        stamp("9999")  # a newer version's: its tables are more, not others
        newer = http.get("/health/ready")
    finally:
        stamp(head)
    assert refused.status_code == 503
    assert "brought up to date" in refused.json()["error"]["message"]
    assert newer.status_code == 200
    assert http.get("/health/ready").status_code == 200
