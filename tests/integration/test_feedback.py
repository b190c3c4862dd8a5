"""What readers think of answers, what becomes of it, and how good answers are when measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.documents.model import KnowledgeBase
from app.errors import InvalidRequest, ProviderUnavailable
from app.services import Services
from tests.fake_chat import FakeGenerator
from tests.integration.conversing import begin, events
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.server import application, client, served

GUIDE = "The tide turns at noon. Ships sail at dusk. The keeper of the light is Ada Marsh."
TIDE = "When does the tide turn?"


@pytest.fixture
def base(knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker) -> KnowledgeBase:
    uploader.upload("guide.md", GUIDE)
    uploader.upload("bread.md", "Bread is baked before dawn, in an oven of stone.")
    worker.drain()
    return knowledge_base.base


@pytest.fixture
def http(settings: Settings, services: Services) -> Iterator[httpx.Client]:
    """Where a chat model writes, half of it rightly."""
    generator = FakeGenerator("The tide turns at noon. [1] The moon is 5 km away. [1]")
    app = application(settings, replace(services, generator=generator))
    with served(app) as address, client(address) as http:
        yield http


def asked(http: httpx.Client, base: KnowledgeBase, question: str = TIDE) -> Any:
    turn = begin(http, base.name, question)
    assert events(http, turn)[-1][0] == "answer"
    return turn


def answers_page(http: httpx.Client, base: KnowledgeBase) -> str:
    reply = http.get("/quality/answers", params={"knowledge-base": base.name})
    assert reply.status_code == 200
    return reply.text


def test_an_opinion_is_kept_shown_and_changed(http: httpx.Client, base: KnowledgeBase) -> None:
    turn = asked(http, base)
    told = {"good": "false", "reason": "wrong", "correction": "It turns at one."}
    reply = http.post(f"/turns/{turn['id']}/feedback", data=told)
    assert reply.status_code == 303
    page = http.get(reply.headers["location"]).text
    assert "You found it not good." in page
    assert "It turns at one." in page
    shown = answers_page(http, base)
    assert "not good: wrong" in shown
    assert "1 answer so far: 0 found good, 1 not good." in shown
    assert http.put(f"/api/turns/{turn['id']}/feedback", json={"good": True}).status_code == 204
    assert "1 answer so far: 1 found good, 0 not good." in answers_page(http, base)


def test_nobody_else_can_have_an_opinion_of_an_answer(
    http: httpx.Client, base: KnowledgeBase
) -> None:
    turn = asked(http, base)
    http.cookies.clear()
    assert http.put(f"/api/turns/{turn['id']}/feedback", json={"good": True}).status_code == 404
    assert "0 found good" not in answers_page(http, base)


@pytest.mark.parametrize(
    "body", [{"good": False, "reason": "rude"}, {"good": False, "correction": "x" * 8001}]
)
def test_an_opinion_that_cannot_be_kept_is_refused(
    http: httpx.Client, base: KnowledgeBase, body: dict[str, Any]
) -> None:
    turn = asked(http, base)
    assert http.put(f"/api/turns/{turn['id']}/feedback", json=body).status_code == 422


def test_a_weak_answer_becomes_a_test_question(
    http: httpx.Client, services: Services, base: KnowledgeBase
) -> None:
    turn = asked(http, base)
    page = answers_page(http, base)
    assert "1 sentence supported, 0 partly, 1 not" in page
    form = {"knowledge-base": base.name, "turn": turn["id"], "passage": 1}
    reply = http.post("/quality/answers/questions", data=form)
    assert reply.status_code == 303
    (kept,) = services.questions.list(base.id)
    assert kept.text == TIDE
    assert [each.document_name for each in kept.right] == ["guide.md"]
    assert http.post("/quality/answers/questions", data={**form, "passage": 99}).status_code == 422


def test_what_nothing_answers_is_listed_and_kept_as_such(
    http: httpx.Client, services: Services, settings: Settings, base: KnowledgeBase
) -> None:
    refusing = FakeGenerator("NOT_IN_PASSAGES")
    app = application(settings, replace(services, generator=refusing))
    with served(app) as address, client(address) as elsewhere:
        turn = asked(elsewhere, base, "Who won the chess championship?")
    page = answers_page(http, base)
    assert page.index("Questions without an answer") < page.index("Who won the chess championship?")
    form = {"knowledge-base": base.name, "turn": turn["id"], "passage": 0}
    http.post("/quality/answers/questions", data=form)
    (kept,) = services.questions.list(base.id)
    assert kept.unanswerable
    with pytest.raises(InvalidRequest):  # searches are not measured by it
        services.team_evaluator().evaluate(base, services.ways, lambda *_: None)


def test_documents_are_listed_by_how_often_they_are_cited(
    http: httpx.Client, base: KnowledgeBase
) -> None:
    asked(http, base)
    page = answers_page(http, base)
    most, never = page.index("Most cited documents"), page.index("Never cited</h2>")
    assert most < page.index("guide.md</a>", most) < never < page.index("bread.md</a>", never)


def test_a_deleted_conversation_is_not_shown_to_anyone(
    http: httpx.Client, base: KnowledgeBase
) -> None:
    turn = asked(http, base)
    http.delete(f"/api/conversations/{turn['conversation']}")
    assert TIDE not in answers_page(http, base)
    form = {"knowledge-base": base.name, "turn": turn["id"], "passage": 1}
    assert http.post("/quality/answers/questions", data=form).status_code == 404


def test_answers_are_measured_on_the_questions_that_were_kept(
    http: httpx.Client, services: Services, base: KnowledgeBase
) -> None:
    document = services.documents.by_name(base.id, "guide.md")
    services.questions.save(base.id, TIDE, document.id, "The tide turns at noon.")
    services.questions.save_unanswerable(base.id, "Who won the chess championship?")
    reply = http.post("/quality/answers/run", data={"knowledge-base": base.name, "way": "both"})
    assert reply.status_code == 303
    thorough, quick = services.answer_evaluations.list(base.id)
    assert (quick.way, thorough.way) == ("quick", "thorough")
    measures = quick.measures
    # The model answers both questions alike: one sentence of two is borne out, and it refuses none.
    assert measures.questions == 2
    assert measures.support == pytest.approx(0.5)
    assert measures.precision == 1.0
    assert measures.recall == 1.0
    assert measures.refusal == pytest.approx(0.5)
    assert measures.cost is None
    assert measures.milliseconds > 0
    page = answers_page(http, base)
    assert "Worst answers first" in page
    assert "not as it should be" in page


def test_an_answer_that_fails_is_counted_and_the_others_go_on(
    services: Services, base: KnowledgeBase
) -> None:
    document = services.documents.by_name(base.id, "guide.md")
    services.questions.save(base.id, TIDE, document.id, "The tide turns at noon.")
    away = FakeGenerator("The tide", error_at=0, error=ProviderUnavailable("It is away."))
    evaluator = replace(services, generator=away).answer_evaluator()
    (evaluated,) = evaluator.evaluate(base, ("quick",), lambda *_: None)
    assert evaluated.measures.failed == 1
    assert evaluated.outcomes[0].failed == "It is away."
    assert evaluated.measures.support is None
