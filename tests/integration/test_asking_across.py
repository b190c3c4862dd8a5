"""Asking several knowledge bases at once, and what is told of those one may not read any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.access.rights import Role
from app.access.users import User
from app.answering.prompt import Message
from app.config import Settings
from app.documents.model import KnowledgeBase
from app.services import Services
from tests.fake_chat import FakeGenerator
from tests.integration.conversing import begin, conversation, events, follow_up
from tests.integration.parts import MortalWorker, Uploader, strangers_asked
from tests.server import application, client, served

QUESTION = "When does the tide turn, and who keeps the rum?"
SECRET = "quartermaster"
SAID = {"noon": "The tide turns at noon.", "rum": f"The {SECRET} keeps the rum."}


@dataclass
class Reading(FakeGenerator):
    """A chat model that cites the passages by what they say."""

    reply: str = ""

    def stream(self, messages: Sequence[Message]) -> Any:
        self.reply = ""
        for word, sentence in SAID.items():
            before, there, _ = messages[-1].content.partition(f"{word}.")
            number = before.rpartition("<<<passage ")[2].partition(" ")[0]
            self.reply += f"{sentence} [{number}] " if there else ""
        return super().stream(messages)


@dataclass(frozen=True)
class Asked:
    """A knowledge base, another, and a reader of both who is signed in."""

    http: httpx.Client
    home: KnowledgeBase
    other: KnowledgeBase
    user: User
    document: Callable[[KnowledgeBase], int]

    def turn(self, question: str = QUESTION) -> Any:
        where = f"/api/knowledge-bases/{self.home.name}/conversations"
        body = {"question": question, "further": [self.other.name]}
        reply = self.http.post(where, json=body)
        assert reply.status_code == 201, reply.text
        return reply.json()


def filled(services: Services, kind: str, content: str) -> KnowledgeBase:
    base = services.knowledge_bases.create(f"{kind}-{uuid4().hex[:8]}")
    Uploader(services, base).upload("guide.md", content)
    MortalWorker(services, base).drain()
    return base


@pytest.fixture
def strict(services: Services) -> Services:
    return strangers_asked(services)


@pytest.fixture
def asked(settings: Settings, strict: Services) -> Iterator[Asked]:
    home = filled(strict, "home", "The tide turns at noon.")
    other = filled(strict, "stores", f"The {SECRET} keeps the rum.")
    user = strict.users.create(f"reader-{uuid4().hex[:8]}", "a few words will do")
    strict.users.grant(user.id, home.id, Role.EDITOR)
    strict.users.grant(user.id, other.id, Role.READER)

    def document(base: KnowledgeBase) -> int:
        return strict.documents.by_name(base.id, "guide.md").id

    app = application(settings, replace(strict, generator=Reading()))
    with served(app) as address, client(address) as http:
        http.cookies.set("tidemark", strict.sessions.begin(user.id))
        http.headers["sec-fetch-site"] = "same-origin"
        yield Asked(http, home, other, user, document)


def test_an_answer_from_two_knowledge_bases_names_each_of_its_sources(asked: Asked) -> None:
    turn = asked.turn()
    told = dict(events(asked.http, turn))
    answer = told["answer"]
    assert answer["knowledge_bases"] == [asked.home.name, asked.other.name]
    assert answer["counts"] == {"supported": 2, "partly": 0, "unsupported": 0}
    cited = [each["citations"][0] for each in answer["sentences"]]
    assert [each["knowledge_base"] for each in cited] == [asked.home.name, asked.other.name]
    for citation, base in zip(cited, (asked.home, asked.other), strict=True):
        assert citation["url"].startswith(f"/documents/{asked.document(base)}?")
        assert "<mark" in asked.http.get(citation["url"]).text
    assert f"Source: {asked.other.name} › guide.md" in answer["prompt"]["messages"][1]["content"]
    (kept,) = conversation(asked.http, turn)["turns"]
    assert (kept["further"], kept["hidden"]) == ([asked.other.name], False)
    page = asked.http.get(f"/ask?conversation={turn['conversation']}", follow_redirects=True).text
    assert f"Asked of {asked.home.name}, {asked.other.name}" in page
    assert f"from {asked.home.name}, {asked.other.name}" in page
    assert f'<span class="quiet place" dir="auto">{asked.other.name}</span>' in page
    assert f'name="further" value="{asked.other.name}" checked' in page
    exported = asked.http.get(f"/api/conversations/{turn['conversation']}/markdown").text
    assert f"{asked.home.name}, guide.md" in exported.replace("\\", "")
    assert f"{asked.other.name}, guide.md" in exported.replace("\\", "")


def test_a_follow_up_is_asked_of_the_knowledge_bases_that_it_names(asked: Asked) -> None:
    first = asked.turn()
    events(asked.http, first)
    alone = follow_up(asked.http, first, "When does the tide turn?", standalone="tide")
    answer = dict(events(asked.http, alone))["answer"]
    assert {each["document_id"] for each in answer["passages"]} == {asked.document(asked.home)}
    assert answer["knowledge_bases"] == []
    again = follow_up(
        asked.http, first, "Who keeps it?", standalone="rum", further=[asked.other.name]
    )
    answer = dict(events(asked.http, again))["answer"]
    assert asked.document(asked.other) in {each["document_id"] for each in answer["passages"]}


def test_an_answer_that_is_not_kept_is_asked_of_several_too(asked: Asked) -> None:
    other, home = asked.document(asked.other), asked.home.name
    where = f"/api/knowledge-bases/{home}/answers"
    body = {"question": QUESTION, "further": [asked.other.name, home, asked.other.name]}
    both = asked.http.post(where, json=body).json()
    assert both["knowledge_bases"] == [home, asked.other.name]
    only = asked.http.post(where, json=body | {"documents": [other]}).json()
    assert {each["document_id"] for each in only["passages"]} == {other}
    alone = asked.http.post(where, json={"question": QUESTION, "documents": [other]})
    assert alone.status_code == 404
    given = {"q": QUESTION, "knowledge-base": home, "further": asked.other.name}
    page = asked.http.get("/ask", params=given | {"whole": "1"}).text
    assert f"from {home}, {asked.other.name}" in page
    assert asked.http.get("/ask.json", params=given).json()["text"] == both["text"]


def test_a_hidden_knowledge_base_is_asked_as_little_as_one_that_is_not_there(
    asked: Asked, strict: Services
) -> None:
    strict.users.grant(asked.user.id, asked.other.id, None)
    for kind in ("answers", "conversations"):
        said = []
        for name in (asked.other.name, "n" * len(asked.other.name)):
            where = f"/api/knowledge-bases/{asked.home.name}/{kind}"
            reply = asked.http.post(where, json={"question": QUESTION, "further": [name]})
            assert reply.status_code == 404
            said.append(reply.text.replace(name, "<name>").split('"request_id"')[0])
        assert said[0] == said[1]
    assert asked.http.get("/api/conversations").json()["conversations"] == []
    assert 'name="further"' not in asked.http.get(f"/ask?knowledge-base={asked.home.name}").text
    refused = asked.http.get(
        "/ask", params={"q": "rum", "knowledge-base": asked.home.name, "further": asked.other.name}
    )
    assert SECRET not in refused.text


def test_whoever_loses_sight_of_one_reads_nothing_of_it(asked: Asked, strict: Services) -> None:
    turn = asked.turn()
    events(asked.http, turn)
    kept = f"/api/conversations/{turn['conversation']}"
    opinions = f"/quality/answers?knowledge-base={asked.home.name}"
    weak = asked.http.put(f"/api/turns/{turn['id']}/feedback", json={"good": False})
    assert weak.status_code == 204
    assert SECRET in asked.http.get(opinions).text

    def reading() -> dict[str, str]:
        addresses = (
            kept,
            f"{kept}/markdown",
            f"/api/turns/{turn['id']}/events",
            f"/ask?conversation={turn['conversation']}",
            opinions,
        )
        replies = {each: asked.http.get(each, follow_redirects=True) for each in addresses}
        return {each: reply.text for each, reply in replies.items()}

    assert all(SECRET in text for text in reading().values())
    strict.users.grant(asked.user.id, asked.other.id, None)
    for where, text in reading().items():
        assert SECRET not in text, where
        assert asked.other.name not in text, where
        assert "noon" not in text, where  # nothing of the answer, since all of it may rest on it
    stored = conversation(asked.http, turn)["turns"][0]
    assert (stored["hidden"], stored["answer"], stored["question"]) == (True, None, QUESTION)
    assert dict(events(asked.http, turn))["error"]["error"]["code"] == "knowledge_base_not_found"
    form = {"knowledge-base": asked.home.name, "turn": turn["id"], "passage": 1}
    assert asked.http.post("/quality/answers/questions", data=form).status_code == 404
    shared = asked.http.post(f"{kept}/share")
    assert shared.status_code == 422
    assert "not there for you" in shared.json()["error"]["message"]
    again = follow_up(asked.http, turn, "When does the tide turn?", standalone="tide")
    assert SECRET not in str(events(asked.http, again))


def test_of_a_knowledge_base_that_was_deleted_nothing_is_told(
    asked: Asked, strict: Services
) -> None:
    turn = asked.turn()
    events(asked.http, turn)
    link = asked.http.post(f"/api/conversations/{turn['conversation']}/share").json()["url"]
    with client(str(asked.http.base_url)) as stranger:
        shown = stranger.get(link).text
        assert SECRET in shown
        assert f"Asked of {asked.home.name}, {asked.other.name}" in shown
        strict.knowledge_bases.delete(asked.other.name)
        assert SECRET not in stranger.get(link).text
    assert SECRET not in str(conversation(asked.http, turn))


def test_only_passages_of_the_knowledge_base_become_its_test_questions(asked: Asked) -> None:
    turn = asked.turn()
    answer = dict(events(asked.http, turn))["answer"]
    asked.http.put(f"/api/turns/{turn['id']}/feedback", json={"good": False})
    page = asked.http.get(f"/quality/answers?knowledge-base={asked.home.name}").text
    for number, passage in enumerate(answer["passages"], 1):
        own = passage["knowledge_base"] == asked.home.name
        assert (f'name="passage" value="{number}"' in page) is own
        form = {"knowledge-base": asked.home.name, "turn": turn["id"], "passage": number}
        kept = asked.http.post("/quality/answers/questions", data=form)
        assert kept.status_code == (303 if own else 404)


def test_one_conversation_is_as_before_where_there_is_one_knowledge_base(asked: Asked) -> None:
    turn = begin(asked.http, asked.home.name)
    answer = dict(events(asked.http, turn))["answer"]
    assert answer["knowledge_bases"] == []
    assert {each["knowledge_base"] for each in answer["passages"]} == {None}
    assert "Source: guide.md" in answer["prompt"]["messages"][1]["content"]
