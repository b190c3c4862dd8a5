"""The sentence of a passage that is nearest to a question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.retrieval.nearest import MOST_SENTENCES, nearest_sentences

WORDS = ("tide", "noon", "bean", "boat")


class WordCounter:
    """Embeds a text as which of four words it has."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_query(self, text: str) -> list[float]:
        counts = np.array([text.lower().count(word) for word in WORDS]) + 1e-3
        return list(counts / np.linalg.norm(counts))

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return [self.embed_query(text) for text in texts]


def nearest(question: str, *texts: str) -> list[str | None]:
    embedder = WordCounter()
    found = nearest_sentences(embedder, embedder.embed_query(question), texts)  # type: ignore[arg-type]
    return [one and text[one.start : one.end] for one, text in zip(found, texts, strict=True)]


def test_each_passage_has_its_own_nearest_sentence() -> None:
    one = "Boats leave early. The tide turns at noon. Soak the beans."
    other = "The beans are soft at noon. A boat is late."
    assert nearest("tide at noon", one, other) == [
        "The tide turns at noon.",
        "The beans are soft at noon.",
    ]


def test_a_heading_is_no_sentence_unless_there_is_nothing_else() -> None:
    assert nearest("tide", "# The tide\n\nBoats wait for the tide at noon.") == [
        "Boats wait for the tide at noon."
    ]
    assert nearest("tide", "# The tide", "") == ["# The tide", None]


def test_the_same_sentence_is_embedded_once_and_a_long_passage_costs_no_more_than_a_part() -> None:
    embedder = WordCounter()
    texts = ["The tide turns. Boats leave.", "The tide turns. Beans.", "A boat. " * 500]
    nearest_sentences(embedder, embedder.embed_query("tide"), texts)  # type: ignore[arg-type]
    assert len(embedder.asked) == len(set(embedder.asked)) == 4
    many = " ".join(f"Boat {n} leaves." for n in range(500))
    embedder.asked.clear()
    nearest_sentences(embedder, embedder.embed_query("tide"), [many])  # type: ignore[arg-type]
    assert len(embedder.asked) == MOST_SENTENCES
