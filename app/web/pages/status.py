"""The status page: what runs, what waits, what is wrong, in words for a person on call at night."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.config import shown_settings
from app.errors import TidemarkError
from app.ingestion.job import JobState
from app.services import Services
from app.web.access import needs
from app.web.pages.frame import frame, show
from app.web.pages.wording import count, size
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True)
class Group:
    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Status:
    """`well` is False when something needs a person; `summary` and `remedy` say what."""

    well: bool
    summary: str
    remedy: str
    groups: tuple[Group, ...]
    settings: tuple[Fact, ...]


@router.get("/status")
@needs(Right.ADMIN)
def status_page(request: Request, services: Wired) -> HTMLResponse:
    status = _status(request, services)
    around = frame("Status", "/status", None, "/status.json")
    return show(request, "status.html", around, status=status)


@router.get("/status.json")
@needs(Right.ADMIN)
def status_as_data(request: Request, services: Wired) -> dict[str, object]:
    """The same as data, for a person who looks; programs ask /health/ready."""
    return asdict(_status(request, services))


def _status(request: Request, services: Services) -> Status:
    settings = services.settings
    groups = [_database(services), _models(services)]
    counts: dict[JobState, int] = {}
    away: TidemarkError | None = None
    try:
        counts = services.jobs.counts()
        groups += [_queue(request, counts), _contents(services)]
    except TidemarkError as error:
        away = error
    groups.append(
        Group(
            "Limits",
            (
                Fact("Largest upload", size(settings.max_upload_mb * 1_000_000)),
                Fact("Longest chunk", count(settings.chunk_tokens, "token")),
                Fact("Wait for the embedding endpoint", f"{settings.embedding_timeout:g} s"),
                Fact("Wait for the chat model", f"{settings.chat_timeout:g} s"),
            ),
        )
    )
    summary, remedy = _summary(request, counts, away)
    shown = tuple(Fact(name, value) for name, value in shown_settings(settings).items())
    return Status(away is None and not remedy, summary, remedy, tuple(groups), shown)


def _summary(
    request: Request, counts: dict[JobState, int], away: TidemarkError | None
) -> tuple[str, str]:
    """What a person should know first, and what to do if anything."""
    if away is not None:
        return f"{away.message} Searches and uploads are refused; nothing is lost.", away.remedy
    waiting = counts.get(JobState.READY, 0) + counts.get(JobState.RUNNING, 0)
    if waiting and request.app.state.worker is None:
        return (
            f"{count(waiting, 'document')} in the queue, and no worker in this process.",
            "Start one with `tidemark worker`, if none runs elsewhere.",
        )
    failed = counts.get(JobState.FAILED, 0)
    said = "TiDB answers. "
    said += f"{count(waiting, 'document')} being read or waiting." if waiting else "Nothing waits."
    return said + (f" {count(failed, 'file')} could not be read." if failed else ""), ""


def _database(services: Services) -> Group:
    url, server = services.database.url, services.capabilities
    whose = "brought along by Tidemark" if services.embedded else "set by TIDB_DATABASE_URL"
    return Group(
        "TiDB",
        (
            Fact("Version", server.version),
            Fact("Kind", f"{server.kind}, {whose}"),
            Fact("Address", f"{url.host}:{url.port or 4000}, database {url.database}"),
            Fact("Vector search", server.vector_plan),
        ),
    )


def _models(services: Services) -> Group:
    settings, embedder = services.settings, services.embedder
    chat = services.chosen_model.settings_in_use().chat_model
    return Group(
        "Models",
        (
            Fact("Embedding", embedder.model),
            Fact("Runs", settings.embedding_api_base or "on this machine"),
            Fact("Width", count(embedder.dimensions, "dimension")),
            Fact("Reads at most", count(embedder.max_tokens, "token") + " at once"),
            Fact("Reranker", settings.rerank_model or "none: the order is the search's own"),
            Fact("Chat", chat or "none: answers are extracts, word for word"),
        ),
    )


def _queue(request: Request, counts: dict[JobState, int]) -> Group:
    worker = request.app.state.worker
    return Group(
        "Queue",
        (
            Fact("Worker", "in this process" if worker is not None else "not in this process"),
            Fact("Being worked on", f"{counts[JobState.RUNNING]:,}"),
            Fact("Waiting", f"{counts[JobState.READY]:,}"),
            Fact("Failed", f"{counts[JobState.FAILED]:,}"),
            Fact("Done", f"{counts[JobState.SUCCEEDED]:,}"),
        ),
    )


def _contents(services: Services) -> Group:
    facts = []
    for base, documents in services.knowledge_bases.list():
        index = base.active_index_id
        chunks = services.indexes.live_chunks(index) if index is not None else 0
        facts.append(Fact(base.name, f"{count(documents, 'document')}, {count(chunks, 'chunk')}"))
    return Group("Knowledge bases", tuple(facts))
