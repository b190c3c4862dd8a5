"""The tables of models and providers."""

from __future__ import annotations

import pytest

from app.embedding.known_models import UNKNOWN, known_model
from app.embedding.providers import OPENAI_BASE, provider_at

SEARCHING = "Represent this sentence for searching relevant passages: "
INSTRUCT = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
)


@pytest.mark.parametrize(
    ("name", "query", "document"),
    [
        ("nomic-embed-text", "search_query: ", "search_document: "),
        ("nomic-ai/nomic-embed-text-v1.5", "search_query: ", "search_document: "),
        ("intfloat/e5-mistral-7b-instruct", INSTRUCT + " ", ""),
        ("intfloat/multilingual-e5-large-instruct", INSTRUCT + " ", ""),
        ("intfloat/multilingual-e5-large", "query: ", "passage: "),
        ("intfloat/e5-base-v2", "query: ", "passage: "),
        ("Qwen/Qwen3-Embedding-0.6B", INSTRUCT, ""),
        ("BAAI/bge-large-en-v1.5", SEARCHING, ""),
        ("bge-large", SEARCHING, ""),
        ("BAAI/bge-small-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""),
        ("BAAI/bge-m3", "", ""),
        ("snowflake-arctic-embed:22m", SEARCHING, ""),
        ("Snowflake/snowflake-arctic-embed-m-v1.5", SEARCHING, ""),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", "query: ", ""),
        ("snowflake-arctic-embed2", "query: ", ""),
        ("text-embedding-3-small", "", ""),
        ("thenlper/gte-base", "", ""),
        ("sentence-transformers/all-MiniLM-L6-v2", "", ""),
    ],
)
def test_a_models_prefixes_are_those_of_its_card(name: str, query: str, document: str) -> None:
    known = known_model(name)
    assert (known.query_prefix, known.document_prefix) == (query, document)


def test_only_openais_third_generation_is_known_to_take_dimensions() -> None:
    assert known_model("text-embedding-3-large").takes_dimensions
    assert not known_model("text-embedding-ada-002").takes_dimensions
    assert not known_model("intfloat/e5-mistral-7b-instruct").takes_dimensions
    assert known_model("my-own-model") is UNKNOWN


@pytest.mark.parametrize(
    ("api_base", "name", "inputs"),
    [
        (OPENAI_BASE, "OpenAI", 2048),
        ("https://eu.api.openai.com/v1", "OpenAI", 2048),
        ("https://api.langdock.com/openai/eu/v1", "Langdock", 128),
        ("http://localhost:11434/v1", "Ollama at localhost:11434", 64),
        ("http://localhost:8000/v1", "localhost:8000", 32),
        ("https://user:word@embeddings.example.org/v1", "embeddings.example.org", 32),
        ("https://not-api.openai.com.example.org/v1", "not-api.openai.com.example.org", 32),
    ],
)
def test_a_provider_is_known_by_its_address(api_base: str, name: str, inputs: int) -> None:
    provider = provider_at(api_base)
    assert (provider.name, provider.limits.inputs) == (name, inputs)
