"""Conversations over HTTP: whose they are, how they branch, and answers that nobody watches."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace

import httpx
import pytest
from sqlalchemy.exc import DataError

from app.access.keys import NewKey
from app.access.rights import Scope
from app.answering.answer import Usage
from app.answering.prompt import Message
from app.answering.turns import TurnStore
from app.config import Settings
from app.services import Services
from tests.fake_chat import FakeGenerator
from tests.integration.conversing import begin, conversation, events, follow_up
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.server import application, client, served
from tests.waiting import PATIENCE, wait_until

GUIDE = "The tide turns at noon. Ships sail at dusk. The keeper of the light is Ada Marsh."


@dataclass
class Held:
    """A chat model that writes its second sentence only when it is let."""

    model: str = "fake/held"
    let: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def stream(self, _messages: Sequence[Message]) -> Generator[str | Usage, None, None]:
        try:
            yield "The tide turns at noon [1]. Ships sail at "
            yield "dusk [1]. And on it goes, "
            self.let.wait(PATIENCE)
            yield "says the keeper."
        finally:
            self.closed.set()


class Full(TurnStore):
    """Where answers that are whole are too long to be kept."""

    def finish(self, *_args: object, **_more: object) -> None:
        raise DataError("UPDATE turns", {}, Exception("Data too long"))


@pytest.fixture
def base(knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker) -> str:
    uploader.upload("guide.md", GUIDE)
    worker.drain()
    return knowledge_base.base.name


@pytest.fixture
def elsewhere(
    settings: Settings, services: Services
) -> Iterator[tuple[httpx.Client, FakeGenerator]]:
    """Where a chat model writes."""
    generator = FakeGenerator("The tide turns at noon. [1] The moon is 5 km away. [1]")
    with (
        served(application(settings, replace(services, generator=generator))) as address,
        client(address) as http,
    ):
        yield http, generator


@pytest.fixture
def held(settings: Settings, services: Services) -> Iterator[tuple[httpx.Client, Held]]:
    model = Held()
    app = application(settings, replace(services, generator=model))
    with served(app) as address, client(address) as http:
        yield http, model
        model.let.set()
    app.state.live_answers.close()


def test_an_answer_is_stored_with_its_marks_and_told_again(
    elsewhere: tuple[httpx.Client, FakeGenerator], base: str
) -> None:
    http, _ = elsewhere
    turn = begin(http, base)
    first = events(http, turn)
    names = [name for name, _ in first]
    assert names[0] == "understood"
    assert names[-1] == "answer"
    assert events(http, turn)[-1] == first[-1]
    stored = conversation(http, turn)
    assert stored["conversation"]["title"] == "When does the tide turn?"
    (kept,) = stored["turns"]
    assert kept["state"] == "done"
    assert kept["counts"] == {"supported": 1, "partly": 0, "unsupported": 1}
    assert kept["answer"] == first[-1][1]


def test_an_answer_goes_on_when_its_reader_leaves_and_who_comes_back_catches_up(
    held: tuple[httpx.Client, Held], base: str
) -> None:
    http, model = held
    turn = begin(http, base)
    with http.stream("GET", f"/api/turns/{turn['id']}/events") as reply:
        assert any("sentence" in line for line in reply.iter_lines())  # and leaves
    assert not model.closed.is_set()
    model.let.set()
    told = events(http, turn)
    assert told[-1][0] == "answer"
    assert told[-1][1]["text"].endswith("says the keeper.")
    assert "Ships sail at dusk [1]." in told[-1][1]["text"]


def test_another_process_tells_what_was_said_so_far_and_the_rest_once_it_is_there(
    held: tuple[httpx.Client, Held], http: httpx.Client, base: str
) -> None:
    writer, model = held
    turn = begin(writer, base)
    http.cookies.update(writer.cookies)
    with http.stream("GET", f"/api/turns/{turn['id']}/events") as reply:
        lines = reply.iter_lines()
        assert any(line == "event: understood" for line in lines)
        model.let.set()
        assert any(line == "event: answer" for line in lines)


def test_a_stopped_answer_keeps_its_sentences(held: tuple[httpx.Client, Held], base: str) -> None:
    http, model = held
    turn = begin(http, base)
    with http.stream("GET", f"/api/turns/{turn['id']}/events") as reply:
        lines = reply.iter_lines()
        assert any(line == "event: sentence" for line in lines)
        assert http.post(f"/api/turns/{turn['id']}/stop").status_code == 204
        model.let.set()
        assert any(line == "event: stopped" for line in lines)
    assert model.closed.wait(PATIENCE)
    (kept,) = conversation(http, turn)["turns"]
    assert (kept["state"], kept["answer"]) == ("stopped", None)
    assert ("sentence", "The tide turns at noon.") in [
        (name, data.get("text")) for name, data in events(http, turn)
    ]


def test_an_answer_is_stopped_through_another_process_although_its_model_says_nothing(
    held: tuple[httpx.Client, Held], http: httpx.Client, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.live.BEAT_EVERY", 0.0)
    writer, _ = held
    turn = begin(writer, base)
    http.cookies.update(writer.cookies)
    with writer.stream("GET", f"/api/turns/{turn['id']}/events") as reply:
        lines = reply.iter_lines()
        assert any(line == "event: sentence" for line in lines)
        assert http.post(f"/api/turns/{turn['id']}/stop").status_code == 204
        assert any(line == "event: stopped" for line in lines)
    assert conversation(http, turn)["turns"][0]["state"] == "stopped"


def test_an_answer_that_its_model_thinks_about_for_long_has_not_broken_off(
    held: tuple[httpx.Client, Held],
    knowledge_base: SearchableBase,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.web.live.BEAT_EVERY", 0.0)
    http, _ = held
    turn = begin(http, base)
    with http.stream("GET", f"/api/turns/{turn['id']}/events") as reply:
        assert any(line == "event: sentence" for line in reply.iter_lines())
    knowledge_base.execute(f"UPDATE turns SET beat_at = '2020-01-01' WHERE id = {turn['id']}")  # noqa: S608
    wait_until(
        lambda: conversation(http, turn)["turns"][0]["state"] == "writing",
        "it seems to have broken off",
    )


def test_a_question_is_narrowed_as_a_search_is_and_that_is_kept(
    http: httpx.Client, base: str, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("news.txt", "The tide turns at noon, says the newspaper.")
    worker.drain()
    asked = {"question": "When does the tide turn?", "only": "name:news"}
    whole = http.post(f"/api/knowledge-bases/{base}/answers", json=asked).json()
    assert {passage["document_name"] for passage in whole["passages"]} == {"news.txt"}
    turn = http.post(f"/api/knowledge-bases/{base}/conversations", json=asked).json()
    told = events(http, turn)
    assert {each["document_name"] for each in told[-1][1]["passages"]} == {"news.txt"}
    (kept,) = conversation(http, turn)["turns"]
    assert kept["only"] == "name:news"
    page = http.get(f"/ask?conversation={turn['conversation']}", follow_redirects=True).text
    assert "Only from: <code" in page
    assert 'name="only" value="name:news"' in page
    nothing = http.post(
        f"/api/knowledge-bases/{base}/answers", json=asked | {"only": "name:nowhere"}
    ).json()
    assert "Take a condition away" in nothing["text"]


def test_the_items_of_a_list_stand_in_lines_of_their_own(
    elsewhere: tuple[httpx.Client, FakeGenerator], base: str
) -> None:
    http, generator = elsewhere
    generator.reply = "It is so [1]:\n\n- The tide turns at noon. [1]\n- Ships sail at dusk. [1]\n"
    turn = begin(http, base)
    events(http, turn)
    page = http.get(f"/ask?conversation={turn['conversation']}", follow_redirects=True).text
    said = page.partition('<div class="said">')[2].partition("</div>")[0]
    assert (said.count("<p "), said.count("<br>")) == (2, 1)


@pytest.mark.parametrize("only", ["tides", "type:submarine", 'name:a "b" c'])
def test_what_narrows_nothing_is_refused(http: httpx.Client, base: str, only: str) -> None:
    asked = {"question": "When does the tide turn?", "only": only}
    for kind in ("answers", "conversations"):
        reply = http.post(f"/api/knowledge-bases/{base}/{kind}", json=asked)
        assert reply.status_code == 422
        assert "narrows nothing" in reply.json()["error"]["message"]


def test_a_follow_up_is_put_so_that_it_stands_by_itself(
    elsewhere: tuple[httpx.Client, FakeGenerator], base: str
) -> None:
    http, generator = elsewhere
    turn = begin(http, base, "Who is the keeper of the light?")
    events(http, turn)
    generator.reply = "When does the keeper of the light sail?"
    second = follow_up(http, turn, "And when does she sail?")
    understood = dict(events(http, second))["understood"]
    assert understood == {"question": "When does the keeper of the light sail?", "changed": True}
    asked = generator.told[-2][-1].content
    assert asked == "1. Who is the keeper of the light?\n2. And when does she sail?"
    given = follow_up(http, turn, "And when does she sail?", standalone="When do ships sail?")
    assert dict(events(http, given))["understood"]["question"] == "When do ships sail?"


def test_the_same_parent_makes_a_branch_and_the_page_shows_one_of_them(
    http: httpx.Client, base: str
) -> None:
    first = begin(http, base)
    events(http, first)
    tries = [follow_up(http, first, f"When do ships sail, try {n}?") for n in (1, 2)]
    for turn in tries:
        events(http, turn)
    page = http.get("/ask", params={"conversation": first["conversation"]})
    page = page if page.status_code == 200 else http.get(page.headers["location"])
    assert "try 2?" in page.text
    assert "try 1?" not in page.text
    assert "2 of 2" in page.text


def test_a_parent_of_another_conversation_is_refused(http: httpx.Client, base: str) -> None:
    one, other = begin(http, base), begin(http, base)
    reply = http.post(
        f"/api/conversations/{one['conversation']}/turns",
        json={"question": "When?", "parent": other["id"]},
    )
    assert reply.status_code == 422


def test_a_conversation_belongs_to_whoever_began_it(
    http: httpx.Client, address: str, base: str
) -> None:
    turn = begin(http, base)
    events(http, turn)
    where = f"/api/conversations/{turn['conversation']}"
    with client(address) as stranger:
        assert stranger.get("/api/conversations").json() == {"conversations": []}
        for method, path in [
            ("GET", where),
            ("DELETE", where),
            ("POST", f"{where}/share"),
            ("POST", f"{where}/restore"),
            ("GET", f"{where}/markdown"),
            ("GET", f"/api/turns/{turn['id']}/events"),
            ("POST", f"/api/turns/{turn['id']}/stop"),
            ("GET", f"/ask?conversation={turn['conversation']}"),
        ]:
            assert stranger.request(method, path).status_code == 404, (method, path)
        assert stranger.patch(where, json={"title": "Mine"}).status_code == 404


def test_the_cookie_is_out_of_scripts_and_other_sites_reach(
    http: httpx.Client, base: str, address: str
) -> None:
    with client(address) as fresh:
        reply = fresh.post(f"/api/knowledge-bases/{base}/conversations", json={"question": "When?"})
        given = reply.headers["set-cookie"].casefold()
        assert "httponly" in given
        assert "samesite=lax" in given


def test_conversations_are_searched_renamed_deleted_and_brought_back(
    http: httpx.Client, base: str
) -> None:
    turn = begin(http, base, "Where is 100% of the light_house?")
    where = f"/api/conversations/{turn['conversation']}"

    def found(words: str) -> bool:
        listed = http.get("/api/conversations", params={"q": words}).json()["conversations"]
        return any(one["id"] == turn["conversation"] for one in listed)

    assert found("100% of")
    assert found("light_house")
    assert not found("light!house")
    assert not found("1%0")
    assert http.patch(where, json={"title": "  Lamps  "}).json()["title"] == "Lamps"
    assert found("lamps")
    assert http.patch(where, json={"title": " "}).status_code == 422
    assert http.delete(where).status_code == 204
    assert http.get(where).status_code == 404
    assert not found("lamps")
    assert http.post(f"{where}/restore").status_code == 204
    assert found("lamps")


def test_a_shared_link_is_read_by_anyone_until_it_is_revoked(
    http: httpx.Client, address: str, base: str
) -> None:
    turn = begin(http, base)
    events(http, turn)
    where = f"/api/conversations/{turn['conversation']}/share"
    first = http.post(where).json()["url"]
    link = http.post(where).json()["url"]
    assert len(link.removeprefix("/shared/")) >= 43
    with client(address) as stranger:
        assert stranger.get(first).status_code == 404
        page = stranger.get(link)
        assert page.status_code == 200
        assert "The tide turns at noon." in page.text
        assert "Try again" not in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert http.delete(where).status_code == 204
        assert stranger.get(link).status_code == 404
        assert stranger.get("/shared/").status_code == 404


def test_a_deleted_knowledge_base_takes_its_conversations_and_leaves_none_to_one_of_its_name(
    elsewhere: tuple[httpx.Client, FakeGenerator],
    knowledge_base: SearchableBase,
    base: str,
    worker: MortalWorker,
) -> None:
    http, _ = elsewhere
    turn = begin(http, base)
    events(http, turn)
    http.put(f"/api/turns/{turn['id']}/feedback", json={"good": False})
    where = f"/api/conversations/{turn['conversation']}"
    link = http.post(f"{where}/share").json()["url"]
    services = knowledge_base.services
    services.knowledge_bases.delete(base)
    services.knowledge_bases.create(base)
    for path in (link, where, f"/api/turns/{turn['id']}/events"):
        assert http.get(path).status_code == 404
    listed = http.get("/api/conversations").json()["conversations"]
    assert turn["conversation"] not in [one["id"] for one in listed]
    page = http.get("/quality/answers", params={"knowledge-base": base}).text
    assert "When does the tide turn?" not in page
    later = begin(http, base)
    events(http, later)
    worker.clear()
    for table in ("turns WHERE id", "citations WHERE turn_id", "feedback WHERE turn_id"):
        assert knowledge_base.execute(f"SELECT * FROM {table} = {turn['id']}") == []  # noqa: S608
    assert [one["id"] for one in conversation(http, later)["turns"]] == [later["id"]]


def test_a_conversation_is_there_whatever_the_clock_of_who_made_its_knowledge_base(
    http: httpx.Client, knowledge_base: SearchableBase, base: str, worker: MortalWorker
) -> None:
    turn = begin(http, base)
    events(http, turn)
    http.put(f"/api/turns/{turn['id']}/feedback", json={"good": False})
    where = f"/api/conversations/{turn['conversation']}"
    knowledge_base.execute(
        "UPDATE knowledge_bases SET created_at = created_at + INTERVAL 1 HOUR"  # noqa: S608
        f" WHERE id = {knowledge_base.base.id}"
    )
    assert http.get(where).status_code == 200
    assert "When does the tide turn?" in http.get(f"/quality/answers?knowledge-base={base}").text
    services = knowledge_base.services
    services.knowledge_bases.delete(base)
    services.knowledge_bases.create(base)
    assert http.get(where).status_code == 404
    worker.clear()
    kept = f"SELECT * FROM turns WHERE id = {turn['id']}"  # noqa: S608
    assert knowledge_base.execute(kept) == []


def test_a_conversation_of_a_version_that_kept_names_alone_is_there_and_is_cleared(
    http: httpx.Client, knowledge_base: SearchableBase, base: str, worker: MortalWorker
) -> None:
    turn = begin(http, base)
    events(http, turn)
    where = f"/api/conversations/{turn['conversation']}"
    knowledge_base.execute(
        f"UPDATE conversations SET knowledge_base_id = NULL WHERE id = {turn['conversation']}"  # noqa: S608
    )
    assert http.get(where).status_code == 200
    knowledge_base.services.knowledge_bases.delete(base)
    knowledge_base.services.knowledge_bases.create(base)
    assert http.get(where).status_code == 404
    worker.clear()
    kept = f"SELECT * FROM turns WHERE id = {turn['id']}"  # noqa: S608
    assert knowledge_base.execute(kept) == []


def test_an_answer_that_cannot_be_kept_says_so_to_whoever_waits_for_it(
    settings: Settings, services: Services, base: str
) -> None:
    app = application(settings, replace(services, turns=Full(services.database)))
    with served(app) as address, client(address) as http:
        name, told = events(http, begin(http, base))[-1]
    assert name == "error"
    assert "could not be kept" in told["error"]["message"]


def test_the_link_and_the_cookie_are_stored_as_hashes_only(
    http: httpx.Client, knowledge_base: SearchableBase, base: str
) -> None:
    turn = begin(http, base)
    link = http.post(f"/api/conversations/{turn['conversation']}/share").json()["url"]
    rows = knowledge_base.execute("SELECT owner, share FROM conversations")
    stored = json.dumps([list(row) for row in rows])
    assert link.removeprefix("/shared/") not in stored
    assert http.cookies["tidemark-reader"] not in stored


def test_a_conversation_is_exported_with_its_quotes_as_footnotes(
    elsewhere: tuple[httpx.Client, FakeGenerator], base: str
) -> None:
    http, _ = elsewhere
    turn = begin(http, base)
    events(http, turn)
    reply = http.get(f"/api/conversations/{turn['conversation']}/markdown")
    assert reply.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "The tide turns at noon.[^1]" in reply.text
    assert "*(unsupported)*" in reply.text
    assert "[^1]: “The tide turns at noon.” guide.md." in reply.text


def test_an_answer_whose_writer_died_is_told_to_have_broken_off(
    http: httpx.Client, knowledge_base: SearchableBase, base: str
) -> None:
    turn = begin(http, base)
    events(http, turn)
    knowledge_base.execute(
        "UPDATE turns SET state = 'writing', said = '[]', beat_at = '2020-01-01' "  # noqa: S608
        f"WHERE id = {turn['id']}"
    )
    ((name, data),) = events(http, turn)
    assert name == "error"
    assert "broke off" in data["error"]["message"]


def test_what_an_answer_cites_is_stored(
    http: httpx.Client, knowledge_base: SearchableBase, base: str
) -> None:
    turn = begin(http, base)
    answer = events(http, turn)[-1][1]
    quotes = {
        (c["document_id"], c["revision_id"], c["start"], c["end"])
        for sentence in answer["sentences"]
        for c in sentence["citations"]
    }
    stored = knowledge_base.execute(
        "SELECT document_id, revision_id, start, `end` FROM citations "  # noqa: S608
        f"WHERE turn_id = {turn['id']}"
    )
    assert {tuple(row) for row in stored} == quotes
    assert quotes


def test_a_program_without_cookies_sees_what_was_begun_with_its_key(
    http: httpx.Client, services: Services, base: str
) -> None:
    def headers() -> dict[str, str]:
        _, secret = services.keys.create(NewKey("test", frozenset({Scope.CHAT}), None))
        return {"authorization": f"Bearer {secret}"}

    mine, other = headers(), headers()
    path = f"/api/knowledge-bases/{base}/conversations"
    with client(str(http.base_url)) as program:  # another than the one that has a cookie
        question = {"question": "When does the tide turn?"}
        reply = program.post(path, json=question, headers=mine)
        assert reply.status_code == 201
        assert "set-cookie" not in reply.headers
        kept = f"/api/conversations/{reply.json()['conversation']}"
        assert program.get(kept, headers=mine).status_code == 200
        assert program.get(kept, headers=other).status_code == 404
        assert program.get(kept).status_code == 404
