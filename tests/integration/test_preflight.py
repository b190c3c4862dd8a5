"""A chat model that is tried: what is wrong with its address, its key or its name, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from app.answering.chat_model import NO_KEY, ChatModel
from app.answering.preflight import tried
from app.config import Settings
from app.errors import ProviderError, ProviderUnavailable
from app.services import Services
from tests.fake_chat import FakeChat, chatting
from tests.server import application, client, served

SECRET = "sk-very-secret"


@pytest.fixture
def chat() -> Iterator[FakeChat]:
    with chatting(FakeChat(reply="Yes.", key=SECRET, models=("tide-mini", "tide-large"))) as chat:
        yield chat


def model_at(chat: FakeChat, name: str = "tide-mini", key: str = SECRET) -> ChatModel:
    return ChatModel(f"openai/{name}", chat.api_base, SecretStr(key))


def refusal(model: ChatModel) -> ProviderError:
    with pytest.raises(ProviderError) as refused:
        tried(model)
    said = refused.value.message + refused.value.remedy
    assert model.api_key.get_secret_value() not in said
    return refused.value


def test_what_can_be_used_says_its_first_word_and_when(chat: FakeChat) -> None:
    assert tried(model_at(chat)).startswith("openai/tide-mini answered 'Yes.', its first word")
    assert len(chat.requests) == 1


def test_a_name_that_is_not_there_is_told_with_those_that_are(chat: FakeChat) -> None:
    refused = refusal(model_at(chat, "tide-mni"))
    assert "has no model 'tide-mni'. It has: tide-mini, tide-large." in refused.message
    assert refused.remedy == "Did you mean openai/tide-mini?"


def test_a_tag_that_the_name_leaves_out_is_no_fault(chat: FakeChat) -> None:
    chat.models = ("llama3.2:latest", "llama3.2")
    assert "answered" in tried(model_at(chat, "llama3.2"))


def test_a_wrong_key_and_a_missing_one_are_told_apart(chat: FakeChat) -> None:
    assert "does not accept the key" in refusal(model_at(chat, key="sk-another")).message
    assert "wants a key" in refusal(model_at(chat, key=NO_KEY)).message
    assert chat.requests == []


@pytest.mark.parametrize("key", ["sk-with space", "sk-new\nline", "sk-“quoted”"])
def test_a_key_that_no_key_can_be_is_sent_to_nobody(chat: FakeChat, key: str) -> None:
    assert "letters that no key has" in refusal(model_at(chat, key=key)).message


def test_an_address_without_its_version_is_told_the_right_one(chat: FakeChat) -> None:
    bare = replace(model_at(chat), api_base=f"http://127.0.0.1:{chat.port}")
    refused = refusal(bare)
    assert f"Set TIDEMARK_CHAT_API_BASE={chat.api_base}." == refused.remedy


def test_an_address_where_nobody_is_is_told() -> None:
    with chatting(FakeChat()) as gone:
        model = model_at(gone)
    refused = refusal(model)
    assert isinstance(refused, ProviderUnavailable)
    assert "Nobody answers at" in refused.message


def test_an_endpoint_without_a_list_of_models_is_asked_all_the_same(chat: FakeChat) -> None:
    chat.models = None
    assert "answered" in tried(model_at(chat))


def test_openai_without_a_key_is_not_even_asked() -> None:
    assert "No key is set" in refusal(ChatModel("openai/gpt-4o-mini")).message


def test_the_page_tries_what_is_typed_and_never_shows_or_passes_on_the_key(
    settings: Settings, services: Services, chat: FakeChat
) -> None:
    with_key = settings.model_copy(
        update={"chat_model": "openai/a", "chat_api_base": "http://127.0.0.1:9/v1"}
        | {"chat_api_key": SecretStr("sk-of-another")}
    )
    app = application(with_key, replace(services, settings=with_key))
    with served(app) as address, client(address) as http:
        typed = {"model": "openai/tide-mini", "api-base": chat.api_base, "api-key": SECRET}
        works = http.post("/status/chat-model", data=typed)
        assert "It works" in works.text
        assert f"TIDEMARK_CHAT_API_BASE={chat.api_base}" in works.text
        assert SECRET not in works.text
        untyped = http.post("/status/chat-model", data={**typed, "api-key": ""})
        assert "wants a key" in untyped.text  # the one that is set is for another endpoint
        assert "sk-of-another" not in untyped.text
        assert http.post("/status/chat-model", data={**typed, "api-base": "ftp://a"}).text.count(
            "no scheme"
        )
