"""The chat model that is chosen on its page: who answers, where its key is, and who comes first."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app.composition import compose
from app.config import Settings
from app.services import Services
from tests.fake_chat import FakeChat, chatting
from tests.integration.parts import MortalWorker, SearchableBase, Uploader, unheard
from tests.server import application, client, served
from tests.waiting import PATIENCE, wait_until

SECRET = "sk-very-secret"
PAGE = "/status/chat-model"


@pytest.fixture
def chat() -> Iterator[FakeChat]:
    reply = "The tide turns at noon. [1]"
    with chatting(FakeChat(reply=reply, key=SECRET, models=("tide-mini",))) as chat:
        yield chat


@pytest.fixture
def base(knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker) -> Iterator[str]:
    uploader.upload("tides.md", "The tide turns at noon on days of a new moon.")
    worker.drain()
    yield knowledge_base.base.name
    knowledge_base.services.chosen_model.forget()


@contextmanager
def door(services: Services) -> Iterator[httpx.Client]:
    with served(application(services.settings, services)) as address, client(address) as http:
        yield http


def typed(chat: FakeChat, **more: str) -> dict[str, str]:
    return {"model": "openai/tide-mini", "api-base": chat.api_base, "api-key": SECRET, **more}


def kind_of_answer(http: httpx.Client, base: str) -> Any:
    asked = {"question": "When does the tide turn?"}
    return http.post(f"/api/knowledge-bases/{base}/answers", json=asked).json()["kind"]


def test_a_model_that_is_chosen_answers_in_every_process_at_once_until_it_is_forgotten(
    services: Services, chat: FakeChat, base: str
) -> None:
    other = compose(
        services.settings, services.database, services.capabilities, services.embedder, unheard
    )
    with door(services) as here, door(other) as there:
        assert kind_of_answer(there, base) == "extracts"
        works = here.post(PAGE, data=typed(chat, use="true"))
        assert "It writes the answers from now on" in works.text
        assert kind_of_answer(here, base) == kind_of_answer(there, base) == "written"
        assert "openai/tide-mini" in there.get("/status").text
        assert here.post(f"{PAGE}/none").status_code == httpx.codes.SEE_OTHER
        assert kind_of_answer(here, base) == kind_of_answer(there, base) == "extracts"


def test_its_key_is_shown_nowhere_and_sent_to_its_own_endpoint_alone(
    services: Services, chat: FakeChat, base: str
) -> None:
    with door(services) as http, chatting(FakeChat(models=("tide-mini",))) as elsewhere:
        http.post(PAGE, data=typed(chat, use="true"))
        with services.database.engine.connect() as connection:
            kept = str(list(connection.execute(text("SELECT * FROM chosen_model"))))
        assert "tide-mini" in kept
        assert SECRET not in kept + http.get(PAGE).text + http.get("/status").text
        again = {"model": "openai/tide-mini", "api-key": ""}
        assert "It works" in http.post(PAGE, data={**again, "api-base": chat.api_base}).text
        http.post(PAGE, data={**again, "api-base": elsewhere.api_base})
        assert SECRET not in elsewhere.keys


def test_the_key_of_one_provider_is_not_sent_to_another_that_needs_no_address(
    services: Services,
) -> None:
    chosen = services.chosen_model
    chosen.choose("openai/tide-mini", None, SecretStr(SECRET))
    try:
        assert chosen.key_for("openai/tide-maxi", None) == SecretStr(SECRET)
        assert chosen.key_for("mistral/tide-mini", None) is None
        assert chosen.key_for("openai/tide-mini", "http://127.0.0.1:9/v1") is None
    finally:
        chosen.forget()


def test_of_two_who_choose_at_once_the_second_takes_the_first_ones_place(
    services: Services,
) -> None:
    first = text(
        "INSERT INTO chosen_model (id, model, chosen_at) VALUES (1, 'openai/first', NOW(6))"
    )
    waits = text(
        "SELECT COUNT(*) FROM information_schema.processlist "
        "WHERE db = DATABASE() AND info LIKE 'INSERT INTO chosen_model%'"
    )
    with (
        services.database.engine.connect() as rival,
        services.database.reader.connect() as watcher,
        ThreadPoolExecutor(1) as pool,
    ):
        rival.execute(first)
        chosen = pool.submit(services.chosen_model.choose, "openai/second", None, None)
        wait_until(lambda: chosen.done() or watcher.scalar(waits), "the second does not wait")
        rival.commit()
        chosen.result(PATIENCE)
    kept = services.chosen_model.chosen()
    services.chosen_model.forget()
    assert kept is not None
    assert kept.model == "openai/second"


def test_what_does_not_work_or_is_only_tried_is_not_used(
    services: Services, chat: FakeChat, base: str
) -> None:
    with door(services) as http:
        wrong = http.post(PAGE, data=typed(chat, use="true", model="openai/tide-mni"))
        assert "Did you mean openai/tide-mini?" in wrong.text
        assert "It works" in http.post(PAGE, data=typed(chat)).text
        assert services.chosen_model.chosen() is None
        assert kind_of_answer(http, base) == "extracts"


def test_a_model_in_the_settings_comes_first(
    services: Services, settings: Settings, chat: FakeChat, base: str
) -> None:
    services.chosen_model.choose("openai/tide-mini", chat.api_base, None)
    named = settings.model_copy(
        update={"chat_model": "openai/other", "chat_api_base": "http://127.0.0.1:9/v1"}
    )
    strict = compose(named, services.database, services.capabilities, services.embedder, unheard)
    with door(replace(strict, settings=named)) as http:
        assert "openai/other" in http.get(PAGE).text
        refused = http.post(PAGE, data=typed(chat, use="true"))
        assert "The settings name the chat model" in refused.text
    chosen = strict.chat_model()
    assert chosen is not None
    assert chosen.model == "openai/other"
    assert not chat.requests
