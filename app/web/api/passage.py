"""The shapes of what retrieval gives: passages, and the stages that found them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from app.answering.suspicion import looks_like_orders
from app.documents.model import KnowledgeBase
from app.retrieval.matches import matches
from app.retrieval.passage import Evidence, NearestSentence, Passage, Place, Retrieval
from app.web.addresses import passage_address
from app.web.api.shape import Shape


class NearestSentenceShape(Shape):
    start: int = Field(examples=[0])
    """`[start, end)` are offsets into the passage's text."""
    end: int = Field(examples=[46])
    similarity: float = Field(examples=[0.71])
    """The cosine of the question and this sentence alone."""

    @classmethod
    def of(cls, nearest: NearestSentence) -> NearestSentenceShape:
        return cls(start=nearest.start, end=nearest.end, similarity=nearest.similarity)


class EvidenceShape(Shape):
    """Why a passage stands where it does: the numbers that ranked it."""

    vector_rank: int | None = Field(examples=[2])
    """Its place among the nearest by meaning; null where it was not among them."""
    similarity: float | None = Field(examples=[0.6213])
    """The cosine of question and passage, from -1 to 1."""
    keyword_rank: int | None = Field(examples=[1])
    """Its place among the best by words; null where it was not among them."""
    bm25: float | None = Field(examples=[7.41])
    word_weights: dict[str, float] = Field(examples=[{"tide": 5.2, "turn": 2.21}])
    """What each word of the question gave to the BM25 score."""
    shares: dict[str, float] = Field(
        examples=[{"vector": 0.31, "keyword": 0.45, "surroundings": 0.1}]
    )
    """What each half gave to the fused score, and what was found around it in its document did, as
    `surroundings`: they add up to the score."""
    rerank_score: float | None = Field(None, examples=[0.93])
    """What the reranker gave, on its own scale; null where nothing was reranked."""
    rank_before: int | None = Field(None, examples=[4])
    """Where it stood before it was reranked."""
    nearest_sentence: NearestSentenceShape | None = None
    """The sentence whose meaning is nearest to the question's; null unless `nearest` was asked."""

    @classmethod
    def of(cls, evidence: Evidence) -> EvidenceShape:
        return cls(
            vector_rank=evidence.vector_rank,
            similarity=evidence.similarity,
            keyword_rank=evidence.keyword_rank,
            bm25=evidence.bm25,
            word_weights=dict(evidence.word_weights),
            shares=dict(evidence.shares),
            rerank_score=evidence.rerank_score,
            rank_before=evidence.rank_before,
            nearest_sentence=evidence.nearest and NearestSentenceShape.of(evidence.nearest),
        )


class PlaceShape(Shape):
    """Where a text stands: `[start, end)` of a revision, in characters."""

    document_id: int = Field(examples=[12])
    document_name: str = Field(examples=["guides/harbour.pdf"])
    revision_id: int = Field(examples=[14])
    start: int = Field(examples=[18200])
    end: int = Field(examples=[18911])

    @classmethod
    def of(cls, place: Place) -> PlaceShape:
        return cls(
            document_id=place.document_id,
            document_name=place.document_name,
            revision_id=place.revision_id,
            start=place.start,
            end=place.end,
        )


class PassageShape(Shape):
    """A stretch of a document's text: `text` is its revision's `text[start:end]`, in characters."""

    rank: int = Field(examples=[1])
    score: float = Field(examples=[0.6213])
    """Higher is better: the reranker's figure where there is one; else 0 to 1 for both halves
    together, the cosine for meaning alone, BM25 for words alone."""
    document_id: int = Field(examples=[12])
    document_name: str = Field(examples=["guides/harbour.pdf"])
    title: str | None = Field(examples=["The harbour's guide"])
    revision_id: int = Field(examples=[14])
    revision_created_at: datetime
    section_path: tuple[str, ...] = Field(examples=[["Tides", "Spring tides"]])
    """The headings it stands under, outermost first."""
    page: int | None = Field(examples=[7])
    start: int = Field(examples=[18200])
    end: int = Field(examples=[18911])
    text: str = Field(examples=["The tide turns at noon on days of a new moon."])
    matches: tuple[tuple[int, int], ...] = Field(examples=[[[4, 8], [9, 14]]])
    """Where the question's words stand: `[start, end)` offsets into `text`."""
    url: str = Field(examples=["/documents/12?revision=14&start=18200&end=18911#passage"])
    """The page that shows the document with this passage marked."""
    knowledge_base: str | None = Field(default=None, examples=["handbook"])
    """Its knowledge base, where several were asked."""
    looks_like_orders: bool = False
    """Whether it has text that looks like orders to a model. It is read as a quotation."""
    evidence: EvidenceShape
    also: tuple[PlaceShape, ...]
    """Where else nearly the same text was found, unless results are chunks."""
    more: tuple[PlaceShape, ...]
    """The document's other passages, best first, where results are documents."""

    @classmethod
    def of(cls, passage: Passage, question: str) -> PassageShape:
        return cls(
            rank=passage.rank,
            score=round(passage.score, 6),
            document_id=passage.document_id,
            document_name=passage.document_name,
            title=passage.title,
            revision_id=passage.revision_id,
            revision_created_at=passage.revision_created_at,
            section_path=passage.section_path,
            page=passage.page,
            start=passage.start,
            end=passage.end,
            text=passage.text,
            matches=matches(question, passage.text, passage.language),
            url=passage_address(passage),
            knowledge_base=passage.knowledge_base or None,
            looks_like_orders=looks_like_orders(passage.text),
            evidence=EvidenceShape.of(passage.evidence),
            also=tuple(PlaceShape.of(each) for each in passage.also),
            more=tuple(PlaceShape.of(Place.of(each)) for each in passage.more),
        )


class StageShape(Shape):
    """One step of the way from the question to the passages."""

    name: str = Field(examples=["search"])
    detail: str = Field(examples=["10 nearest passages"])
    milliseconds: float = Field(examples=[23.4])


class RetrievalShape(Shape):
    """Passages, best first, and how they were found."""

    query: str = Field(examples=["when does the tide turn"])
    """What was asked, as it was written."""
    results: tuple[PassageShape, ...]
    stages: tuple[StageShape, ...]
    milliseconds: float = Field(examples=[31.9])
    """How long all stages took."""

    @classmethod
    def of(cls, retrieval: Retrieval) -> RetrievalShape:
        question = retrieval.query.words
        return cls(
            query=retrieval.query.written,
            results=tuple(PassageShape.of(passage, question) for passage in retrieval.passages),
            stages=tuple(
                StageShape(name=s.name, detail=s.detail, milliseconds=round(s.milliseconds, 2))
                for s in retrieval.stages
            ),
            milliseconds=round(retrieval.milliseconds, 2),
        )


class AcrossShape(RetrievalShape):
    """Passages of several knowledge bases in one ranking, best first."""

    knowledge_bases: tuple[str, ...] = Field(examples=[["contracts", "handbook"]])
    """Those that were searched."""
    problems: tuple[str, ...] = Field(examples=[["contracts: not searched."]])
    """Those that could not be searched as they should, and why."""

    @classmethod
    def of_several(cls, retrieval: Retrieval, bases: Sequence[KnowledgeBase]) -> AcrossShape:
        names = {base.id: base.name for base in bases}
        told = dict(RetrievalShape.of(retrieval))
        told["results"] = tuple(
            result.model_copy(update={"knowledge_base": names[passage.knowledge_base_id]})
            for result, passage in zip(told["results"], retrieval.passages, strict=True)
        )
        return cls(**told, knowledge_bases=tuple(names.values()), problems=retrieval.problems)
