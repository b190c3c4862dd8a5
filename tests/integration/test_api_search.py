"""Searching and asking over HTTP."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import httpx
import pytest

from app.answering.answer import Usage
from app.answering.prompt import Message
from app.config import Settings
from app.services import Services
from tests.event_stream import events
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.server import application, client, served
from tests.waiting import PATIENCE

QUESTION = "When does the tide turn?"


@pytest.fixture
def filled(uploader: Uploader, worker: MortalWorker) -> dict[str, int]:
    """The ids of two documents by name."""
    texts = {
        "tides.md": "# Tides\n\nThe tide turns at noon.\n\n# Moon\n\nA new moon: spring tides.",
        "ships.md": "Ships leave with the ebb.",
    }
    ids = {name: uploader.upload(name, text).document_id for name, text in texts.items()}
    worker.drain()
    return ids


def test_a_result_leads_to_its_words_in_its_document(
    http: httpx.Client, knowledge_base: SearchableBase, filled: dict[str, int]
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/search"
    found = http.get(path, params={"q": QUESTION, "top_k": 2}).json()
    best = found["results"][0]
    assert (best["rank"], best["document_name"]) == (1, "tides.md")
    assert "The tide turns at noon." in best["text"]
    where = {"revision": best["revision_id"], "start": best["start"], "end": best["end"]}
    text = http.get(f"/api/documents/{best['document_id']}/text", params=where).json()["text"]
    assert text == best["text"]
    query = "&".join(f"{name}={value}" for name, value in where.items())
    assert best["url"] == f"/documents/{filled['tides.md']}?{query}#passage"
    words = {best["text"][start:end].lower() for start, end in best["matches"]}
    assert {"tide", "turns"} <= words
    assert found["milliseconds"] > 0
    assert all(stage["milliseconds"] >= 0 for stage in found["stages"])
    assert len(found["results"]) == 2


def test_a_filter_keeps_to_its_documents(
    http: httpx.Client, knowledge_base: SearchableBase, filled: dict[str, int]
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/search"
    for names in (["ships.md"], ["ships.md", "tides.md"]):
        asked = {"q": QUESTION, "document": [filled[name] for name in names]}
        found = http.get(path, params=asked).json()["results"]
        assert {result["document_name"] for result in found} == set(names)


def test_a_search_of_an_empty_knowledge_base_finds_nothing(
    http: httpx.Client, knowledge_base: SearchableBase
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/search"
    assert http.get(path, params={"q": QUESTION}).json()["results"] == []


def test_results_tell_their_nearest_sentence_on_request(
    http: httpx.Client, knowledge_base: SearchableBase, filled: dict[str, int]
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/search"
    plain = http.get(path, params={"q": QUESTION}).json()["results"]
    assert [result["evidence"]["nearest_sentence"] for result in plain] == [None] * len(plain)
    best = http.get(path, params={"q": QUESTION, "nearest": True}).json()["results"][0]
    near = best["evidence"]["nearest_sentence"]
    assert best["text"][near["start"] : near["end"]] == "The tide turns at noon."
    assert 0 < near["similarity"] <= 1


def test_several_knowledge_bases_are_searched_at_once(
    http: httpx.Client,
    services: Services,
    knowledge_base: SearchableBase,
    filled: dict[str, int],
    worker: MortalWorker,
) -> None:
    other = services.knowledge_bases.create(f"{knowledge_base.base.name}-2")
    services.uploads.receive(other, "moon.md", [b"The tide turns with the moon."])
    worker.drain()
    names = [knowledge_base.base.name, other.name]
    asked = {"q": QUESTION, "knowledge-base": names}
    found = http.get("/api/search", params=asked).json()
    assert found["knowledge_bases"] == names
    by_name = {result["document_name"]: result["knowledge_base"] for result in found["results"]}
    assert by_name["tides.md"] == names[0]
    assert by_name["moon.md"] == names[1]
    only = http.get("/api/search", params=asked | {"document": filled["tides.md"]}).json()
    assert {result["document_name"] for result in only["results"]} == {"tides.md"}
    everywhere = http.get("/api/search", params={"q": QUESTION}).json()
    assert set(names) <= set(everywhere["knowledge_bases"])
    missing = http.get("/api/search", params=asked | {"knowledge-base": "nowhere"})
    assert missing.status_code == 404
    page = http.get("/", params=asked | {"knowledge-base": names[0], "everywhere": True}).text
    assert "moon.md" in page
    assert f"Only in {names[0]}" in page


def test_more_results_are_the_same_list_from_its_beginning_however_it_changed(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    for n in range(12):
        uploader.upload(f"log-{n}.md", f"# Watch {n}\n\nKeeper {n * 7} saw the tide turn, {n}.")
    worker.drain()
    asked = {"q": "tide", "knowledge-base": knowledge_base.base.name, "group": "document"}
    page = http.get("/", params=asked).text
    assert page.count('<li class="result">') == 10
    more = html.unescape(re.findall(r'href="([^"]+)">Show more passages', page)[0])
    knowledge_base.services.deletion.delete(
        knowledge_base.services.documents.by_name(knowledge_base.base.id, "log-3.md").id
    )
    uploader.upload("log-12.md", "# Watch 12\n\nThe tide, the tide.")
    worker.drain()
    page = http.get(more).text
    titles = re.findall(r'<h2><a [^>]*>([^<]+)</a></h2>\s*<p class="facts-line">', page)
    assert sorted(titles) == sorted(f"Watch {n}" for n in range(13) if n != 3)
    assert "Show more passages" not in page


def test_a_text_of_any_direction_or_script_is_shown_and_marked_as_it_runs(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    texts = {
        "المد.md": ("# المد والجزر\n\nيتحول المد عند الظهر في أيام القمر الجديد.", "المد"),
        "潮.md": ("# 潮汐\n\n新月那天，潮水在正午转向。", "潮水"),
        "גאות.md": ("# גאות\n\nהגאות מתהפכת בצהריים.", "הגאות"),
    }
    for name, (text, _) in texts.items():
        uploader.upload(name, text)
    worker.drain()
    for name, (_, word) in texts.items():
        asked = {"q": word, "knowledge-base": knowledge_base.base.name, "mode": "keyword"}
        page = http.get("/", params=asked).text
        (result,) = re.findall(r'<li class="result">(.*?)<details', page, re.DOTALL)
        assert re.search(rf"<mark>{word}</mark>", result), name
        assert re.search(r'<h2><a [^>]*dir="auto"', result)
        assert '<p class="words" dir="auto">' in result
        assert f'<span dir="auto">{name}</span>' in result
        assert re.search(r'<input id="q"[^>]*dir="auto"', page)


def test_an_answer_leads_each_sentence_to_its_quote(
    http: httpx.Client, knowledge_base: SearchableBase, filled: dict[str, int]
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/answers"
    answer = http.post(path, json={"question": QUESTION}).json()
    assert answer["kind"] == "extracts"
    citations = [c for sentence in answer["sentences"] for c in sentence["citations"]]
    assert citations
    for citation in citations:
        where = {name: citation[name] for name in ("start", "end")}
        text = http.get(f"/api/documents/{citation['document_id']}/text", params=where).json()
        assert text["text"] == citation["quote"]
        cited = answer["passages"][citation["number"] - 1]
        assert cited["document_id"] == citation["document_id"]
    only = {"question": QUESTION, "documents": [filled["ships.md"]]}
    for passage in http.post(path, json=only).json()["passages"]:
        assert passage["document_name"] == "ships.md"


def test_an_extract_is_shown_without_marks_and_quoted_with_them(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    written = "Pilots board at [the buoy](b.md)."
    uploader.upload("pilots.md", f"# Pilots\n\n{written}")
    worker.drain()
    name, question = knowledge_base.base.name, "how does the pilot board"
    asked = http.post(f"/api/knowledge-bases/{name}/answers", json={"question": question}).json()
    extract = next(one for one in asked["sentences"] if "buoy" in one["text"])
    assert extract["text"] == extract["citations"][0]["quote"] == written
    assert extract["shown"] == "Pilots board at the buoy."
    page = http.get("/ask", params={"q": question, "knowledge-base": name, "whole": 1}).text
    assert extract["shown"] in page


def test_an_answer_arrives_as_it_is_written_when_that_is_asked_for(
    http: httpx.Client, knowledge_base: SearchableBase, filled: dict[str, int]
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/answers"
    asked = {"json": {"question": QUESTION}, "headers": {"accept": "text/event-stream"}}
    with http.stream("POST", path, **asked) as reply:  # type: ignore[arg-type]
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["cache-control"] == "no-store, no-transform"
        told = list(events(reply.iter_lines()))
    names = [name for name, _ in told]
    assert names[:2] == ["retrieved", "reading"]
    assert names[-1] == "answer"
    tokens = "".join(str(data["text"]) for name, data in told if name == "token")
    sentences = "".join(f"{d['gap']}{d['text']}" for name, d in told if name == "sentence")
    assert tokens == sentences
    whole = http.post(path, json={"question": QUESTION}).json()
    assert told[-1][1]["text"] == whole["text"]


class EndlessModel:
    """A chat model that writes until it is closed."""

    model = "fake/endless"

    def __init__(self) -> None:
        self.closed = Event()

    def stream(self, _messages: list[Message]) -> Iterator[str | Usage]:
        try:
            while not self.closed.wait(0.01):
                yield "The tide turns at noon [1]. "
        finally:
            self.closed.set()


def test_who_hangs_up_stops_the_chat_model(
    settings: Settings, services: Services, knowledge_base: SearchableBase, filled: dict[str, int]
) -> None:
    model = EndlessModel()
    app = application(settings, replace(services, generator=model))  # type: ignore[arg-type]
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/answers"
    asked = {"json": {"question": QUESTION}, "headers": {"accept": "text/event-stream"}}
    with served(app) as address, client(address) as http:
        with http.stream("POST", path, **asked) as reply:  # type: ignore[arg-type]
            told = events(reply.iter_lines())
            next(data for name, data in told if name == "sentence")
            assert not model.closed.is_set()
        assert model.closed.wait(PATIENCE)
