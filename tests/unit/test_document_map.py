"""The map of documents, drawn from made vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from app.documents.labels import Labels
from app.errors import InvalidRequest
from app.indexes.document_vectors import DocumentVectors, WholeDocument
from app.mapping.classifying import Checked, Classifier
from app.mapping.document_map import LANDMARKS, DocumentMap, drawn
from app.mapping.maps import Drawing
from app.mapping.similarity import similarity

TEXTS = (
    "The tide turns in the harbour.",
    "Soak the beans, then simmer the beans.",
    "Der Leuchtturm steht am Hafen und leuchtet.",
)
WIDTH = 16


def vectors(*rows: np.ndarray, texts: Sequence[str] = (), left_out: int = 0) -> DocumentVectors:
    """Documents with these vectors, which are made of unit length."""
    found = np.array(rows, np.float32).reshape(len(rows), WIDTH)
    found /= np.linalg.norm(found, axis=1, keepdims=True) if rows else 1
    documents = tuple(
        WholeDocument(n, f"{n}.md", f"{n}.md", "en", 1 + n % 3, texts[n] if texts else "A text.")
        for n in range(len(rows))
    )
    return DocumentVectors(documents, found, left_out)


def in_groups(each: int, groups: int = 3) -> DocumentVectors:
    """As many documents in each group, close together, the groups far apart."""
    random = np.random.default_rng(7)
    rows = [
        np.eye(WIDTH)[group] + random.normal(scale=0.04, size=WIDTH)
        for group in range(groups)
        for _ in range(each)
    ]
    texts = [TEXTS[group] for group in range(groups) for _ in range(each)]
    return vectors(*rows, texts=texts)


def test_what_is_alike_is_one_cluster_close_together_and_named_for_its_words() -> None:
    found = drawn(in_groups(12))
    numbers = [spot.cluster for spot in found.spots]
    assert len(found.clusters) == 3
    assert [cluster.documents for cluster in found.clusters] == [12, 12, 12]
    by_group = [set(numbers[start : start + 12]) for start in (0, 12, 24)]
    assert [len(one) for one in by_group] == [1, 1, 1]
    names = [found.clusters[numbers[start]].name for start in (0, 12, 24)]
    assert "tide" in names[0]
    assert "beans" in names[1]
    assert "leuchtturm" in names[2]
    places = np.array([(spot.x, spot.y) for spot in found.spots])
    assert places.min() >= 0
    assert places.max() <= 1
    middles = np.array([places[start : start + 12].mean(axis=0) for start in (0, 12, 24)])
    spread = max(
        np.linalg.norm(places[12 * n + k] - middles[n]) for n in range(3) for k in range(12)
    )
    apart = min(np.linalg.norm(middles[a] - middles[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert apart > spread


def test_the_same_documents_always_give_the_same_map() -> None:
    assert drawn(in_groups(5)) == drawn(in_groups(5))


def test_a_document_like_no_others_is_told_apart_and_copies_are_twins() -> None:
    close = in_groups(20, groups=1).vectors
    strange = np.ones(WIDTH)
    strange[0] = -3
    found = drawn(vectors(*close, strange, close[0] + 0.001))
    assert [spot.document.id for spot in found.outliers] == [20]
    best = found.twins[0]
    assert {best.one.id, best.other.id} == {0, 21}
    assert best.similarity == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 9])
def test_a_few_documents_are_a_map_too_even_if_they_are_all_the_same(number: int) -> None:
    random = np.random.default_rng(1)
    for rows in (random.normal(size=(number, WIDTH)), np.ones((number, WIDTH))):
        found = drawn(vectors(*rows))
        assert len(found.spots) == number
        assert sum(cluster.documents for cluster in found.clusters) == number
        assert all(0 <= spot.x <= 1 and 0 <= spot.y <= 1 for spot in found.spots)
        assert found.outliers == ()
    assert drawn(vectors(left_out=4)) == DocumentMap(left_out=4)


def test_beyond_the_landmarks_documents_stand_where_their_like_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert LANDMARKS > 12
    monkeypatch.setattr("app.mapping.document_map.LANDMARKS", 24)
    found = in_groups(12)
    mixed = np.random.default_rng(3).permutation(36)
    places = {
        int(original): (spot.x, spot.y)
        for original, spot in zip(mixed, drawn(vectors(*found.vectors[mixed])).spots, strict=True)
    }
    for placed in mixed[24:]:
        distances = {
            n: np.hypot(*np.subtract(places[int(placed)], places[int(n)])) for n in mixed[:24]
        }
        nearest = min(distances, key=lambda n: distances[n])
        assert nearest // 12 == placed // 12


class Labelled:
    """The labels of documents, by id."""

    def __init__(self, labels: dict[int, Labels]) -> None:
        self.found = labels

    def labels(self, ids: Sequence[int]) -> dict[int, Labels]:
        return {each: self.found.get(each, Labels()) for each in ids}


class ByWord:
    """Embeds a text as the group whose word it has."""

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        words = ("tide", "bean", "Leucht")
        return [list(np.eye(WIDTH)[next(n for n, w in enumerate(words) if w in t)]) for t in texts]


def classifier(labels: dict[int, Labels]) -> Classifier:
    return Classifier(Labelled(labels))  # type: ignore[arg-type]


def test_a_text_is_what_its_nearest_labelled_documents_are() -> None:
    found = in_groups(6)
    drawing = Drawing(found, DocumentMap())
    labels = {n: Labels(("sea",)) for n in range(4)} | {n: Labels(("food",)) for n in range(6, 10)}
    told = classifier(labels).of_text(drawing, ByWord(), "the tide", "")  # type: ignore[arg-type]
    assert told.guesses[0].label == "sea"
    assert told.guesses[0].share > 0.6
    assert {each.id for each in told.neighbours[:4]} == {0, 1, 2, 3}
    unlabelled, checked = classifier(labels).unlabelled(drawing, "")
    assert checked == Checked(8, 8)
    sure = {document.id: one.guesses[0].label for document, one in unlabelled[:4]}
    assert {n: sure[n] for n in (4, 5, 10, 11)} == {4: "sea", 5: "sea", 10: "food", 11: "food"}


def test_classes_may_be_a_name_of_the_metadata_and_need_examples() -> None:
    drawing = Drawing(in_groups(3), DocumentMap())
    labels = {0: Labels((), {"author": "Ann"}), 3: Labels((), {"author": "Bob"})}
    found, _ = classifier(labels).unlabelled(drawing, "author")
    assert {document.id: one.guesses[0].label for document, one in found if document.id < 6} == {
        1: "Ann",
        2: "Ann",
        4: "Bob",
        5: "Bob",
    }
    for by in ("", "editor"):
        with pytest.raises(InvalidRequest, match="No document has"):
            classifier(labels).unlabelled(drawing, by)
    with pytest.raises(InvalidRequest, match="no text"):
        classifier(labels).of_text(drawing, ByWord(), " ", "author")  # type: ignore[arg-type]


def test_two_texts_are_as_alike_as_their_vectors() -> None:
    embedder = ByWord()
    assert similarity(embedder, "tide", "the tide") == 1  # type: ignore[arg-type]
    assert similarity(embedder, "tide", "bean") == 0  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest):
        similarity(embedder, "tide", "")  # type: ignore[arg-type]
