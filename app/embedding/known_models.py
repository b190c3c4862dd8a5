"""What is known of embedding models by name: prefixes, length, whether their width is a choice.

One entry each, the first that matches holds. The sources are the models' own cards; the prefixes
are also in
https://sbert.net/examples/sentence_transformer/applications/computing-embeddings/README.html#prompt-templates
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RETRIEVE = "Given a web search query, retrieve relevant passages that answer the query"
_ENGLISH = ("en",)
_SEARCHING = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True)
class KnownModel:
    """What a model's card says of it."""

    pattern: str
    """Matches, case aside, somewhere in the model's name."""
    query_prefix: str = ""
    document_prefix: str = ""
    max_tokens: int = 512
    takes_dimensions: bool = False
    """Whether its endpoint cuts vectors to `dimensions`; others answer such a request with 400."""
    languages: tuple[str, ...] = ()
    """What it was made for, as ISO 639-1, where that is few; empty where it is many or unknown."""


KNOWN_MODELS = (
    KnownModel(r"text-embedding-3-(small|large)", max_tokens=8191, takes_dimensions=True),
    KnownModel(r"text-embedding-ada-002", max_tokens=8191),
    # Ollama reads 2048 tokens of nomic-embed-text unless told otherwise, and cuts the rest
    # silently.
    KnownModel(r"nomic-embed-text", "search_query: ", "search_document: ", max_tokens=2048),
    KnownModel(r"e5-mistral", f"Instruct: {_RETRIEVE}\nQuery: ", max_tokens=4096),
    KnownModel(r"e5-.*instruct", f"Instruct: {_RETRIEVE}\nQuery: "),
    KnownModel(r"\b(multilingual-)?e5-(small|base|large)", "query: ", "passage: "),
    KnownModel(r"qwen3-embedding", f"Instruct: {_RETRIEVE}\nQuery:", max_tokens=8192),
    KnownModel(r"bge-(small|base|large)-zh", "为这个句子生成表示以用于检索相关文章：", ""),  # noqa: RUF001
    KnownModel(r"bge-(small|base|large)(-en)?", _SEARCHING, languages=_ENGLISH),
    KnownModel(r"bge-m3", max_tokens=8192),
    KnownModel(r"mxbai-embed-large", _SEARCHING, languages=_ENGLISH),
    KnownModel(r"snowflake-arctic-embed(2|.*-v2)", "query: ", max_tokens=8192),
    KnownModel(r"snowflake-arctic-embed", _SEARCHING, languages=_ENGLISH),
    KnownModel(r"all-minilm-l(6|12)|all-mpnet-base|multi-qa-m", languages=_ENGLISH),
    KnownModel(
        r"embeddinggemma",
        "task: search result | query: ",
        "title: none | text: ",
        max_tokens=2048,
    ),
)

UNKNOWN = KnownModel("")
"""No prefixes, no choice of width, and the length that nearly every model has."""


def known_model(*names: str) -> KnownModel:
    """The entry for a model that goes by `names`, the surest first, or `UNKNOWN`."""
    for name in names:
        for known in KNOWN_MODELS:
            if re.search(known.pattern, name, re.IGNORECASE):
                return known
    return UNKNOWN
