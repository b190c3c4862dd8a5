"""A knowledge base as a whole: its map, classes by labelled examples, the likeness of two texts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.errors import InvalidRequest
from app.indexes.document_vectors import WholeDocument
from app.indexes.index import Index
from app.mapping.classifying import Classified
from app.mapping.document_map import DocumentMap
from app.mapping.similarity import similarity
from app.services import Services
from app.web.access import needs
from app.web.api.shape import LARGEST_ID, Shape, errors
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(prefix="/knowledge-bases/{name}", tags=["Map"])

By = Annotated[
    str,
    Query(
        max_length=64,
        description="A name in the metadata whose values are the classes; without it, tags are.",
        examples=["author"],
    ),
]


class MappedShape(Shape):
    """A document by its id and name."""

    document_id: int = Field(le=LARGEST_ID, examples=[12])
    document_name: str = Field(examples=["guides/harbour.pdf"])

    @classmethod
    def named(cls, document: WholeDocument) -> MappedShape:
        return cls(document_id=document.id, document_name=document.name)


class SpotShape(MappedShape):
    """A document on the map."""

    x: float = Field(examples=[0.31])
    """From 0 to 1, as `y` is; near each other are documents that are alike."""
    y: float = Field(examples=[0.77])
    cluster: int = Field(examples=[0])
    """Counts from 0, into `clusters`."""
    outlier: float | None = Field(examples=[1.8])
    """Its local outlier factor, where it is like no others; null else."""


class ClusterShape(Shape):
    name: str = Field(examples=["tide, harbour, pilot"])
    """The words that set it apart."""
    documents: int = Field(examples=[14])


class TwinsShape(Shape):
    """Two documents that say nearly the same."""

    one: MappedShape
    other: MappedShape
    similarity: float = Field(examples=[0.991])


class MapShape(Shape):
    """The documents in two dimensions, from the stored vectors."""

    documents: tuple[SpotShape, ...]
    clusters: tuple[ClusterShape, ...]
    """The largest first."""
    duplicates: tuple[TwinsShape, ...]
    left_out: int = Field(examples=[0])
    """Documents that were too many to be drawn: the oldest."""

    @classmethod
    def of(cls, drawn: DocumentMap) -> MapShape:
        return cls(
            documents=tuple(
                SpotShape(
                    document_id=spot.document.id,
                    document_name=spot.document.name,
                    x=spot.x,
                    y=spot.y,
                    cluster=spot.cluster,
                    outlier=spot.outlier,
                )
                for spot in drawn.spots
            ),
            clusters=tuple(
                ClusterShape(name=each.name, documents=each.documents) for each in drawn.clusters
            ),
            duplicates=tuple(
                TwinsShape(
                    one=MappedShape.named(each.one),
                    other=MappedShape.named(each.other),
                    similarity=round(each.similarity, 4),
                )
                for each in drawn.twins
            ),
            left_out=drawn.left_out,
        )


class GuessShape(Shape):
    label: str = Field(examples=["tides"])
    share: float = Field(examples=[0.81])
    """Its share of the votes of the nearest labelled documents, from 0 to 1."""


class ClassifiedShape(Shape):
    guesses: tuple[GuessShape, ...]
    """Best first."""
    neighbours: tuple[MappedShape, ...]
    """The labelled documents that say so, nearest first."""

    @classmethod
    def of(cls, classified: Classified) -> ClassifiedShape:
        return cls(
            guesses=tuple(GuessShape(label=g.label, share=g.share) for g in classified.guesses),
            neighbours=tuple(MappedShape.named(each) for each in classified.neighbours),
        )


class UnlabelledShape(MappedShape):
    """A document without a label, and what it is by those that have one."""

    classified: ClassifiedShape


class ClassesShape(Shape):
    documents: tuple[UnlabelledShape, ...]
    """The surest first."""
    labelled: int = Field(examples=[40])
    """How many documents have a label."""
    right: int = Field(examples=[36])
    """How many of these the others would give one of their own labels."""


class TextToClassify(Shape):
    text: str = Field(examples=["When does the tide turn?"])
    by: str = Field("", max_length=64, examples=["author"])
    """A name in the metadata whose values are the classes; empty for tags."""


class TwoTexts(Shape):
    one: str = Field(examples=["The tide turns at noon."])
    other: str = Field(examples=["At midday the current reverses."])


class SimilarityShape(Shape):
    similarity: float = Field(examples=[0.71])
    """The cosine of the two texts' vectors, from -1 to 1."""


@router.get("/map", responses=errors(404, 503))
@needs(Right.READ)
def read_map(base: ReadableKnowledgeBase, services: Wired) -> MapShape:
    """The documents on a map, with clusters, duplicates and outliers; drawn once a state."""
    index = services.indexes.active(base.id)
    return MapShape.of(DocumentMap() if index is None else services.maps.drawing(index).map)


@router.get("/classification", responses=errors(404, 422, 503))
@needs(Right.READ)
def classify_documents(base: ReadableKnowledgeBase, services: Wired, by: By = "") -> ClassesShape:
    """What the documents without a label are, by the nearest that have one."""
    drawing = services.maps.drawing(indexed(services, base))
    found, checked = services.classifier.unlabelled(drawing, by)
    return ClassesShape(
        documents=tuple(
            UnlabelledShape(
                document_id=document.id,
                document_name=document.name,
                classified=ClassifiedShape.of(classified),
            )
            for document, classified in found
        ),
        labelled=checked.labelled,
        right=checked.right,
    )


@router.post("/classification", responses=errors(404, 422, 502, 503))
@needs(Right.READ)
def classify_text(
    base: ReadableKnowledgeBase, asked: TextToClassify, services: Wired
) -> ClassifiedShape:
    """What a text is, by the labelled documents that are nearest to it."""
    index = indexed(services, base)
    embedder = services.retriever.embedders.of(index.recipe)
    drawing = services.maps.drawing(index)
    return ClassifiedShape.of(services.classifier.of_text(drawing, embedder, asked.text, asked.by))


@router.post("/similarity", responses=errors(404, 422, 502, 503))
@needs(Right.READ)
def compare_texts(base: ReadableKnowledgeBase, texts: TwoTexts, services: Wired) -> SimilarityShape:
    """How alike two texts are, to the knowledge base's embedding model."""
    return SimilarityShape(similarity=alike(services, base, texts.one, texts.other))


def indexed(services: Services, base: KnowledgeBase) -> Index:
    """The index whose documents are looked at."""
    index = services.indexes.active(base.id)
    if index is None:
        raise InvalidRequest(
            f"{base.name} has no documents that could be classified.", remedy="Upload some first."
        )
    return index


def alike(services: Services, base: KnowledgeBase, one: str, other: str) -> float:
    index = services.indexes.active(base.id)
    embedders = services.retriever.embedders
    embedder = services.embedder if index is None else embedders.of(index.recipe)
    return round(similarity(embedder, one, other), 4)
