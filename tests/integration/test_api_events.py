"""The progress of jobs, pushed: whole at first, then as it changes, for as long as one listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx

from app.config import Settings
from app.documents.labels import Labels
from app.ingestion.fetching import AddressKind, AddressState
from app.services import Services
from app.web.api.job_feed import JobFeeds
from tests.event_stream import events
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.server import application, client, served
from tests.waiting import wait_until

Told = Iterator[tuple[str, dict[str, Any]]]


def until(told: Told, state: str) -> list[dict[str, Any]]:
    """The states of jobs up to the first that is in `state`."""
    seen = []
    for _, data in told:
        for job in data["jobs"]:
            seen.append(job)
            if job["state"] == state:
                return seen
    raise AssertionError(f"the events ended before a job was {state}")


def path_of(base: SearchableBase) -> str:
    return f"/api/knowledge-bases/{base.base.name}/events"


def test_a_listener_is_told_what_waits_and_then_what_changes(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("first.md", "The tide turns at noon.")
    with http.stream("GET", path_of(knowledge_base)) as reply:
        told = events(reply.iter_lines())
        name, snapshot = next(told)
        assert name == "snapshot"
        assert [(job["document_name"], job["state"]) for job in snapshot["jobs"]] == [
            ("first.md", "ready")
        ]
        counts = {"ready": 1, "running": 0, "paused": 0}
        assert snapshot["counts"] == counts | {"succeeded": 0, "failed": 0, "cancelled": 0}
        assert snapshot["pace"] == {"chunks_per_second": 0, "seconds_left": None}
        worker.drain()
        assert until(told, "succeeded")[-1]["document_name"] == "first.md"
        uploader.upload("second.pdf", b"%PDF-1.7\nnothing that follows is a PDF")
        worker.drain()
        failed = until(told, "failed")[-1]
        assert failed["document_name"] == "second.pdf"
        assert failed["error"]["message"]
        assert failed["error"]["remedy"]


def test_who_connects_again_is_told_what_ended_meanwhile(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    with http.stream("GET", path_of(knowledge_base)) as reply:
        last = next(line for line in reply.iter_lines() if line.startswith("id: "))
    worker.drain()
    for identifier, told_of in ((last.removeprefix("id: "), ["succeeded"]), ("nonsense", [])):
        headers = {"last-event-id": identifier}
        with http.stream("GET", path_of(knowledge_base), headers=headers) as reply:
            name, snapshot = next(events(reply.iter_lines()))
        assert name == "snapshot"
        assert [job["state"] for job in snapshot["jobs"]] == told_of


def test_a_listener_is_told_how_far_the_queue_of_addresses_is(
    http: httpx.Client, knowledge_base: SearchableBase
) -> None:
    queue = knowledge_base.services.addresses
    with http.stream("GET", path_of(knowledge_base)) as reply:
        told = (data["addresses"] for _, data in events(reply.iter_lines()) if data["addresses"])
        nothing = {"waiting": 0, "fetched": 0, "failed": 0, "cancelled": 0, "per_minute": 0}
        assert next(told) == nothing | {"minutes_left": None, "changed_at": None}
        pages = ["https://example.com/tides", "https://example.com/moon", "https://example.com/sea"]
        queue.add(knowledge_base.base, {AddressKind.PAGE: pages}, Labels())
        assert next(each for each in told if each["waiting"] == 3)["minutes_left"] is None
        first, *_ = queue.listed(knowledge_base.base, AddressState.WAITING)
        queue.fetched(first, None)
        standing = next(each for each in told if each["fetched"] == 1)
        assert (standing["waiting"], standing["per_minute"], standing["minutes_left"]) == (2, 1, 2)
        assert queue.cancel_waiting(knowledge_base.base) == 2
        assert next(each for each in told if each["cancelled"] == 2)["minutes_left"] == 0


def test_everyone_who_listens_shares_one_look_and_none_is_taken_when_all_are_gone(
    settings: Settings, services: Services, knowledge_base: SearchableBase
) -> None:
    app = application(settings, services)
    feeds: JobFeeds = app.state.job_feeds
    path = path_of(knowledge_base)
    with served(app) as address, client(address) as http:
        with http.stream("GET", path) as one, http.stream("GET", path) as other:
            streams = [events(reply.iter_lines()) for reply in (one, other)]
            for told in streams:
                next(told)
            assert [len(feed.listeners) for feed in feeds.feeds.values()] == [2]
        wait_until(lambda: not feeds.feeds, "somebody still looks")


def test_a_server_that_stops_ends_the_connections_that_are_open(
    settings: Settings, services: Services, knowledge_base: SearchableBase
) -> None:
    with ExitStack() as left_open:
        with served(application(settings, services)) as address:
            http = left_open.enter_context(client(address))
            reply = left_open.enter_context(http.stream("GET", path_of(knowledge_base)))
            told = events(reply.iter_lines())
            next(told)
        # The server has stopped although nobody hung up, and the stream came to a proper end.
        assert list(told) == []
