"""Classification by nearest labelled examples: documents that have a label lend it to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.documents.labels import TAG, Labels
from app.documents.store import DocumentStore
from app.embedding.embedder import Embedder
from app.errors import InvalidRequest
from app.indexes.document_vectors import WholeDocument
from app.mapping.maps import Drawing

NEIGHBOURS = 5
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Guess:
    """A label, and its share of the votes, from 0 to 1: each neighbour's is its similarity."""

    label: str
    share: float


@dataclass(frozen=True)
class Classified:
    """What a text is, best first, and the labelled documents that say so, nearest first."""

    guesses: tuple[Guess, ...]
    neighbours: tuple[WholeDocument, ...]


@dataclass(frozen=True)
class Checked:
    """How many labelled documents would be given one of their own labels by the others."""

    labelled: int
    right: int


@dataclass(frozen=True)
class Classifier:
    """By tags, or by the values of one name in the metadata."""

    documents: DocumentStore

    def of_text(self, drawing: Drawing, embedder: Embedder, text: str, by: str) -> Classified:
        """What the text is by the labelled documents.

        Raises:
            InvalidRequest: an empty text, or no document has a label of that name.
            ProviderError, ModelUnavailable: the text could not be embedded.
        """
        if not text.strip():
            raise InvalidRequest("There is no text to classify.", remedy="Send some words.")
        labels = self._labels(drawing, by)
        vector = np.array(embedder.embed_documents([text])[0], np.float32)
        return _classified(drawing, labels, drawing.vectors.vectors @ vector)

    def unlabelled(
        self, drawing: Drawing, by: str
    ) -> tuple[tuple[tuple[WholeDocument, Classified], ...], Checked]:
        """What each document without such a label is, the surest first; and how far to trust that.

        Raises:
            InvalidRequest: no document has a label of that name.
        """
        labels = self._labels(drawing, by)
        vectors, right, found = drawing.vectors.vectors, 0, []
        for place, document in enumerate(drawing.vectors.documents):
            similar = vectors @ vectors[place]
            similar[place] = -1.0  # it does not vote on itself
            own = labels.get(document.id)
            classified = _classified(drawing, labels, similar, without=document.id)
            if own is None:
                found.append((document, classified))
            else:
                right += bool(classified.guesses) and classified.guesses[0].label in own
        found.sort(key=lambda one: -(one[1].guesses[0].share if one[1].guesses else 0))
        return tuple(found), Checked(len(labels), right)

    def _labels(self, drawing: Drawing, by: str) -> dict[int, tuple[str, ...]]:
        ids = [document.id for document in drawing.vectors.documents]
        all_labels = self.documents.labels(ids)
        found = {each: own for each in ids if (own := _named(all_labels, each, by))}
        if not found:
            named = f"the metadata {by!r}" if by != TAG else "a tag"
            raise InvalidRequest(
                f"No document has {named}.",
                remedy="Give some documents labels, as examples of each class.",
            )
        return found


def _named(labels: Mapping[int, Labels], document_id: int, by: str) -> tuple[str, ...]:
    pairs = labels[document_id].pairs() if document_id in labels else ()
    return tuple(value for name, value in pairs if name == by)


def _classified(
    drawing: Drawing,
    labels: Mapping[int, Sequence[str]],
    similar: Vectors,
    without: int | None = None,
) -> Classified:
    documents = drawing.vectors.documents
    order = (int(n) for n in np.argsort(-similar, kind="stable"))
    nearest = [n for n in order if documents[n].id in labels and documents[n].id != without]
    nearest = nearest[:NEIGHBOURS]
    votes: dict[str, float] = {}
    for n in nearest:
        for label in labels[documents[n].id]:
            votes[label] = votes.get(label, 0.0) + max(float(similar[n]), 1e-6)
    total = sum(max(float(similar[n]), 1e-6) for n in nearest)
    guesses = [Guess(label, round(vote / total, 4)) for label, vote in votes.items()]
    return Classified(
        tuple(sorted(guesses, key=lambda one: (-one.share, one.label))),
        tuple(documents[n] for n in nearest),
    )
