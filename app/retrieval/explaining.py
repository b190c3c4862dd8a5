"""Why a document is among a search's results, or where it fell out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from app.documents.filter import Filter
from app.documents.model import Document, KnowledgeBase
from app.embedding.accounted import AccountedEmbedder
from app.indexes.index import Index
from app.indexes.scope import Within
from app.indexes.true_rank import TrueRank
from app.retrieval.nearest import nearest_sentences
from app.retrieval.passage import NearestSentence, Passage, Retrieval
from app.retrieval.query import Grouping, Mode, Query
from app.retrieval.retriever import CANDIDATES, Retriever


class Fate(StrEnum):
    """What became of a document in a search."""

    SHOWN = "shown"
    NOT_READY = "not ready"
    FILTERED = "filtered"
    WITHOUT_WORDS = "without words"
    BELOW = "below the candidates"
    FUSED_AWAY = "fused away"
    FOLDED = "folded"


@dataclass(frozen=True)
class Explanation:
    """A document's best passage in a search, and where it stands, whether it is shown or not.

    `rank` is the passage's place in the whole ranking, None where it is no candidate. The ranks of
    `vector_rank` and `keyword_rank` are the true ones, among all passages that the search may find;
    None where a half was not asked, or the passage has none of the words. `conditions` are those
    that leave the document out, in words.
    """

    document: Document
    fate: Fate
    shown: int
    candidates: int
    conditions: tuple[str, ...] = ()
    passage: Passage | None = None
    rank: int | None = None
    vector_rank: int | None = None
    keyword_rank: int | None = None
    nearest: NearestSentence | None = None


@dataclass(frozen=True)
class Explainer:
    """Looks a search over again, for one document."""

    retriever: Retriever
    ranks: TrueRank

    def explain(
        self, base: KnowledgeBase, query: Query, document: Document, top_k: int
    ) -> Explanation:
        """What became of `document`, one of the knowledge base's, in a search for `top_k` passages.

        Raises:
            InvalidRequest, ProviderError, ModelUnavailable: as `Retriever.retrieve`.
        """
        whole = self.retriever.retrieve(base, query, top_k)
        query = whole.query
        told = Explanation(document, Fate.NOT_READY, len(whole.passages), len(whole.candidates))
        index = self.retriever.indexes.active(base.id)
        if index is None or document.current_revision_id is None:
            return told
        asked_of_others = query.document_ids and document.id not in query.document_ids
        alone = replace(query, document_ids=(document.id,), grouping=Grouping.CHUNK)
        if asked_of_others or self._within(index, alone).nowhere:
            conditions = tuple(self._left_out_by(index, query, document))
            return replace(told, fate=Fate.FILTERED, conditions=conditions)
        best = self._best(base, alone, whole, document)
        if best is None:
            no_words = query.mode is Mode.KEYWORD and not query.without
            return replace(told, fate=Fate.WITHOUT_WORDS if no_words else Fate.FILTERED)
        return self._placed(index, query, whole, replace(told, passage=best))

    def _best(
        self, base: KnowledgeBase, alone: Query, whole: Retrieval, document: Document
    ) -> Passage | None:
        """The document's best passage: in the whole search, or, where it is not there, alone."""
        shown = next((p for p in whole.passages if p.document_id == document.id), None)
        if shown is not None:
            return shown
        passages = self.retriever.retrieve(base, alone, CANDIDATES).passages
        there = {chunk: rank for rank, chunk in enumerate(whole.candidates)}
        # Candidates first, in their order; the others in that of the document's own search.
        return min(passages, key=lambda p: there.get(p.chunk_id, len(there) + p.rank), default=None)

    def _placed(
        self, index: Index, query: Query, whole: Retrieval, told: Explanation
    ) -> Explanation:
        passage = told.passage
        assert passage is not None  # noqa: S101 - the caller's promise
        evidence, within = passage.evidence, self._within(index, query)
        embedder = AccountedEmbedder(
            self.retriever.embedders.of(index.recipe), index.knowledge_base_id
        )
        rank = next((r for r, c in enumerate(whole.candidates, 1) if c == passage.chunk_id), None)
        shown = passage in whole.passages
        rank = passage.rank if shown else rank
        fate = Fate.SHOWN if shown else Fate.BELOW if rank is None else Fate.FUSED_AWAY
        if any(place.document_id == told.document.id for p in whole.passages for place in p.also):
            fate = Fate.SHOWN if shown else Fate.FOLDED
        placed = replace(told, fate=fate, rank=rank)
        if evidence.bm25 is not None:
            better = self.ranks.by_words(index, query.words, evidence.bm25, within)
            placed = replace(placed, keyword_rank=better)
        if query.mode is Mode.KEYWORD:
            return placed
        vector = embedder.embed_query(query.text)
        if evidence.similarity is not None:
            nearer = self.ranks.by_meaning(index, vector, evidence.similarity, within)
            placed = replace(placed, vector_rank=nearer)
        (nearest,) = nearest_sentences(embedder, vector, [passage.text])
        return replace(placed, nearest=nearest)

    def _within(self, index: Index, query: Query) -> Within:
        return self.retriever.narrowing.within(
            index, query.document_ids, query.filter, query.phrases, query.without
        )

    def _left_out_by(self, index: Index, query: Query, document: Document) -> Iterator[str]:
        """The conditions that, each alone, leave nothing of the document."""
        if query.document_ids and document.id not in query.document_ids:
            yield "only other documents are searched"
        for said, alone in _conditions(query):
            if self._within(index, replace(alone, document_ids=(document.id,))).nowhere:
                yield said


def _conditions(query: Query) -> Iterator[tuple[str, Query]]:
    """Each condition of the query, in words and as a query that has it alone."""
    given, alone = query.filter, Query(query.text)

    def listed(values: tuple[str, ...]) -> str:
        return ", ".join(f"“{value}”" for value in values)

    said: list[tuple[str, Filter]] = []
    if given.names:
        said.append((f"its name and title have no {listed(given.names)}", Filter(given.names)))
    if given.kinds:
        said.append((f"its type is not {listed(given.kinds)}", Filter(kinds=given.kinds)))
    if given.sections:
        none = f"no heading in it has {listed(given.sections)}"
        said.append((none, Filter(sections=given.sections)))
    said += [(f"it has no tag “{tag}”", Filter(tags=(tag,))) for tag in given.tags]
    said += [(f"its {n} is not “{v}”", Filter(metadata=((n, v),))) for n, v in given.metadata]
    if given.since:
        said.append((f"it was uploaded before {given.since}", Filter(since=given.since)))
    if given.until:
        said.append((f"it was uploaded after {given.until}", Filter(until=given.until)))
    for words, condition in said:
        yield words, replace(alone, filter=condition)
    for phrase in query.phrases:
        yield f"no passage of it has “{phrase}”", replace(alone, phrases=(phrase,))
