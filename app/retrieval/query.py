"""A question as it is asked of retrieval: what it looks for, where, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.documents.filter import ALL, Filter
from app.errors import InvalidRequest

LONGEST_QUERY = 8_000  # characters; a model reads far fewer
MOST_PASSAGES = 200


class Mode(StrEnum):
    """What a search goes by: meaning, words, or both."""

    VECTOR = "vector"
    KEYWORD = "keyword"
    HYBRID = "hybrid"


class Grouping(StrEnum):
    """What a search counts as one result."""

    CHUNK = "chunk"
    """Each chunk, as it is stored."""
    PASSAGE = "passage"
    """Chunks of a section that follow each other as one; near-identical ones once."""
    DOCUMENT = "document"
    """The best passage of each document."""


@dataclass(frozen=True)
class Query:
    """A question and what it is asked of; `document_ids` empty means every document.

    `text` is what is looked for, by meaning and by words. Each of `phrases` must stand in a
    passage, and none of `without` may. `typed` is what a person wrote, where that says more.
    """

    text: str
    document_ids: tuple[int, ...] = ()
    mode: Mode = Mode.HYBRID
    filter: Filter = ALL
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    typed: str = ""
    rerank: bool = True
    """Whether the reranker, if there is one, has the last word."""
    grouping: Grouping = Grouping.CHUNK
    related: tuple[str, ...] = ()
    """Synonyms of what `text` has, which words are looked for as well."""

    @property
    def words(self) -> str:
        """What is looked for by words, and marked where it is found."""
        return " ".join((self.text, *self.related))

    @property
    def written(self) -> str:
        """The question as a person wrote it."""
        return self.typed or self.text


def checked(query: Query, top_k: int) -> None:
    """Refuse a question that cannot be asked, before it costs anything."""
    if not query.text.strip():
        narrowed = query.filter or query.without
        raise InvalidRequest(
            "The question has filters only." if narrowed else "The question is empty.",
            remedy="Type some words to look for.",
        )
    length = len(query.written)
    if length > LONGEST_QUERY:
        raise InvalidRequest(
            f"The question has {length:,} characters; at most {LONGEST_QUERY:,} are read.",
            remedy="Shorten it to what you want to know.",
        )
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in query.written):
        raise InvalidRequest(
            "The question has characters that are no text: NUL, or halves of a surrogate pair.",
            remedy="Send it as UTF-8 text.",
        )
    if not 1 <= top_k <= MOST_PASSAGES:
        raise InvalidRequest(
            f"top_k cannot be {top_k}.", remedy=f"Ask for 1 to {MOST_PASSAGES} passages."
        )
