"""Documents' vectors → a map in two dimensions, with clusters, duplicates and outliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.indexes.document_vectors import DocumentVectors, WholeDocument
from app.mapping.naming import names_of

Matrix = NDArray[np.float32]

LANDMARKS = 800
"""Documents that t-SNE places, the newest; the others stand among those they are nearest to."""
NEIGHBOURS = 5
SAME = 0.985
"""The cosine from which two documents say nearly the same."""
MOST_TWINS = 100
STRANGE = 1.5
"""The local outlier factor from which a document is an outlier: its neighbours have 1."""
ENOUGH = 10  # documents, to say that one of them is an outlier
MOST_CLUSTERS = 12


@dataclass(frozen=True)
class Spot:
    """A document on the map; `x` and `y` are from 0 to 1, `cluster` is an index into `clusters`."""

    document: WholeDocument
    x: float
    y: float
    cluster: int
    outlier: float | None
    """Its local outlier factor, where that makes it an outlier."""


@dataclass(frozen=True)
class Cluster:
    """Documents that are alike; `x` and `y` are the middle of them."""

    name: str
    documents: int
    x: float
    y: float


@dataclass(frozen=True)
class Twins:
    """Two documents that say nearly the same; `similarity` is the cosine."""

    one: WholeDocument
    other: WholeDocument
    similarity: float


@dataclass(frozen=True)
class DocumentMap:
    spots: tuple[Spot, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    twins: tuple[Twins, ...] = ()
    left_out: int = 0
    """Documents that were too many to be drawn."""

    @property
    def outliers(self) -> tuple[Spot, ...]:
        """The strangest first."""
        strange = [spot for spot in self.spots if spot.outlier is not None]
        return tuple(sorted(strange, key=lambda spot: -(spot.outlier or 0)))


def drawn(found: DocumentVectors) -> DocumentMap:
    """The map of the documents; the same documents always give the same one.

    Places are by t-SNE (van der Maaten and Hinton 2008) on cosine distances; clusters by k-means
    with the number that has the best silhouette (Rousseeuw 1987); outliers by the local outlier
    factor (Breunig et al. 2000).
    """
    documents, vectors = found.documents, found.vectors
    if not documents:
        return DocumentMap(left_out=found.left_out)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # else its threads spin against each other, and against TiDB
        places = _places(vectors)
        numbers = _clustered(vectors)
        factors = _outlier_factors(vectors)
    names = names_of(documents, numbers)
    spots = tuple(
        Spot(
            document,
            round(float(x), 4),
            round(float(y), 4),
            int(number),
            round(float(factor), 2) if factor > STRANGE else None,
        )
        for document, (x, y), number, factor in zip(
            documents, places, numbers, factors, strict=True
        )
    )
    clusters = tuple(
        Cluster(
            name,
            sum(spot.cluster == number for spot in spots),
            *(round(float(np.median(places[numbers == number, axis])), 4) for axis in (0, 1)),
        )
        for number, name in enumerate(names)
    )
    return DocumentMap(spots, clusters, _twins(documents, vectors), found.left_out)


def _places(vectors: Matrix) -> Matrix:
    """Places from 0 to 1, float32 `[documents, 2]`."""
    first = vectors[:LANDMARKS]
    if len(np.unique(first, axis=0)) < 4:  # noqa: PLR2004 - fewer have no shape to keep
        placed = _by_components(first)
    else:
        from sklearn.manifold import TSNE

        placed = TSNE(
            2,
            perplexity=min(30.0, (len(first) - 1) / 3),
            metric="cosine",
            init=_by_components(first) * 1e-4,
            random_state=0,
            max_iter=500,
        ).fit_transform(first)
    if len(vectors) > LANDMARKS:
        similar = vectors[LANDMARKS:] @ first.T
        nearest = np.argsort(-similar, axis=1)[:, :NEIGHBOURS]
        weights = np.clip(np.take_along_axis(similar, nearest, axis=1), 1e-6, None) ** 4
        weights /= weights.sum(axis=1, keepdims=True)
        placed = np.vstack([placed, (placed[nearest] * weights[:, :, None]).sum(axis=1)])
    low, high = placed.min(axis=0), placed.max(axis=0)
    span = np.where(high > low, high - low, 1)
    scaled: Matrix = np.where(high > low, (placed - low) / span, 0.5)
    return scaled


def _by_components(vectors: Matrix) -> Matrix:
    """The two principal components, float32 `[documents, 2]`."""
    centred = vectors - vectors.mean(axis=0)
    left, strengths, _ = np.linalg.svd(centred, full_matrices=False)
    places: Matrix = np.zeros((len(vectors), 2), np.float32)
    known = min(2, len(strengths))
    places[:, :known] = left[:, :known] * strengths[:known]
    return places


def _clustered(vectors: Matrix) -> NDArray[np.int64]:
    """The cluster of each document; the largest is 0."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    one = np.zeros(len(vectors), np.int64)
    different = len(np.unique(vectors, axis=0))
    best, kept = 0.0, one
    for number in range(2, min(MOST_CLUSTERS, different - 1, len(vectors) // 2) + 1):
        found = KMeans(number, n_init=3, random_state=0).fit_predict(vectors)
        score = silhouette_score(vectors, found, metric="cosine", sample_size=None)
        if score > best:
            best, kept = score, found
    sizes = np.bincount(kept)
    order = {int(number): place for place, number in enumerate(np.argsort(-sizes, kind="stable"))}
    return np.array([order[int(number)] for number in kept], np.int64)


def _outlier_factors(vectors: Matrix) -> NDArray[np.float64]:
    if len(vectors) < ENOUGH:
        return np.ones(len(vectors))
    from sklearn.neighbors import LocalOutlierFactor

    neighbours = min(20, len(vectors) // 2)
    # Copies are at no distance from each other, by which a factor cannot be divided.
    apart, which = np.unique(vectors, axis=0, return_inverse=True)
    if len(apart) <= neighbours:
        return np.ones(len(vectors))
    model = LocalOutlierFactor(neighbours, metric="cosine").fit(apart)
    factors: NDArray[np.float64] = -model.negative_outlier_factor_[which.ravel()]
    return factors


def _twins(documents: Sequence[WholeDocument], vectors: Matrix) -> tuple[Twins, ...]:
    """The pairs that are most alike, those first."""
    similar = np.triu(vectors @ vectors.T, 1)
    ones, others = np.nonzero(similar >= SAME)
    order = np.argsort(-similar[ones, others], kind="stable")[:MOST_TWINS]
    return tuple(
        Twins(
            documents[ones[n]], documents[others[n]], min(1.0, float(similar[ones[n], others[n]]))
        )
        for n in order
    )
