"""Question → ranked passages, and why they are ranked so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from app.documents.model import KnowledgeBase
from app.embedding.embedder import Embedder
from app.errors import InvalidRequest
from app.indexes.courtesy import Courtesy
from app.indexes.embedders import Embedders
from app.indexes.hits import HitReader
from app.indexes.index import Hit, Index
from app.indexes.keyword_search import KeywordSearch, WordMatch
from app.indexes.narrowing import Narrowing
from app.indexes.scope import Within
from app.indexes.store import IndexStore
from app.indexes.vector_search import Neighbour, VectorSearch
from app.retrieval.cache import QueryCache
from app.retrieval.fusion import Fused, Half, fuse
from app.retrieval.gathering import as_one, by_document, folded, joined
from app.retrieval.passage import Evidence, Grouping, Mode, Passage, Query, Retrieval, Stage
from app.retrieval.reranking import NO_RERANKING, Reranking, in_order

LONGEST_QUERY = 8_000  # characters; a model reads far fewer
MOST_PASSAGES = 200
CANDIDATES = 100  # that each half gives to the fusion, or as many as are asked for
FEWEST_BY_MEANING = 50  # that meaning alone is asked for: more take longer to compare exactly
TRIES = 3  # when a document is swapped between two reads


@dataclass
class _Clock:
    """Stages as they were timed, in the order in which they ended."""

    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[list[str]]:
        """Time what is done; its detail may be told to the list, once it is known."""
        began = time.perf_counter()
        told = [detail]
        yield told
        self.stages.append(Stage(name, told[-1], 1000 * (time.perf_counter() - began)))


@dataclass(frozen=True)
class _Sought:
    """What both halves look for, and where; each gives its `limit` best."""

    index: Index
    embedder: Embedder
    query: Query
    within: Within
    limit: int
    clock: _Clock


@dataclass(frozen=True)
class _Found:
    """Passages, and all chunks that were ranked; both best first."""

    passages: tuple[Passage, ...] = ()
    candidates: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Kept:
    found: _Found
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Retriever:
    """Finds passages by meaning and by words, at once."""

    indexes: IndexStore
    embedders: Embedders
    vectors: VectorSearch
    words: KeywordSearch
    hits: HitReader
    narrowing: Narrowing
    pool: ThreadPoolExecutor
    reranking: Reranking = NO_RERANKING
    courtesy: Courtesy = field(default_factory=Courtesy)
    cache: QueryCache[_Kept] = field(default_factory=QueryCache, init=False)
    """Of this retriever alone: another one finds in other ways."""

    def retrieve(self, base: KnowledgeBase, query: Query, top_k: int) -> Retrieval:
        """The `top_k` passages of the knowledge base that answer the question best.

        Raises:
            InvalidRequest: an empty or overlong question, or a `top_k` out of range.
            ProviderError, ModelUnavailable: the question could not be embedded.
        """
        checked(query, top_k)
        return self.retrieve_from(self.indexes.active(base.id), query, top_k)

    def retrieve_from(self, index: Index | None, query: Query, top_k: int) -> Retrieval:
        """As `retrieve`, from an index that need not be the active one; nothing from None."""
        began = time.perf_counter()
        clock = _Clock()
        if index is None:
            clock.stages.append(Stage("search", "no document has been ingested", 0.0))
            found = _Found()
        else:
            found = self._found_once(index, query, top_k, clock)
        elapsed = 1000 * (time.perf_counter() - began)
        return Retrieval(query, found.passages, tuple(clock.stages), elapsed, found.candidates)

    def _found_once(self, index: Index, query: Query, top_k: int, clock: _Clock) -> _Found:
        """What was found before where nothing has changed since, with the stages of then."""
        key = self.cache.key(index, query, top_k)
        with clock.stage("cache", "asked before, and nothing has changed: the rest is of then"):
            kept = self.cache.get(key)
        if kept is not None:
            clock.stages.extend(kept.stages)
            return kept.found
        clock.stages.clear()
        with self.courtesy.search():
            found = self._found(index, query, top_k, clock)
        if self._is_whole(query, found):
            self.cache.keep(key, _Kept(found, tuple(clock.stages)), len(found.passages))
        return found

    def _is_whole(self, query: Query, found: _Found) -> bool:
        """Whether the reranker did its part: one that was slow may be quicker next time."""
        asked = query.rerank and self.reranking.most and found.passages
        return not asked or found.passages[0].evidence.rerank_score is not None

    def _found(self, index: Index, query: Query, top_k: int, clock: _Clock) -> _Found:
        embedder = self.embedders.of(index.recipe)
        reranked = self.reranking.most if query.rerank else 0
        within = self._within(index, query, clock)
        fewest = FEWEST_BY_MEANING if query.mode is Mode.VECTOR else CANDIDATES
        limit = max(top_k, reranked, fewest)
        sought = _Sought(index, embedder, query, within, limit, clock)
        if within.nowhere:
            return _Found()
        for left in reversed(range(TRIES)):
            ranking = self._ranked(sought)
            best = ranking.fused[: max(_read_for(query, top_k), reranked)]
            with clock.stage("read", "passages with their documents"):
                hits = self.hits.read(index, embedder, [one.chunk_id for one in best])
            # Each read is a snapshot of its own. Where a document was swapped between two of them,
            # its new state is there to be found: look again rather than leave it out.
            if len(hits) == len(best) or not left:
                break
        there = [
            _passage(rank, hits[one.chunk_id], one.score, ranking.evidence(one))
            for rank, one in enumerate((o for o in best if o.chunk_id in hits), start=1)
        ]
        passages = self._reranked(query, there, reranked, clock)
        passages = self._gathered(query, passages, clock)[:top_k]
        return _Found(passages, tuple(one.chunk_id for one in ranking.fused))

    def _reranked(
        self, query: Query, passages: list[Passage], most: int, clock: _Clock
    ) -> tuple[Passage, ...]:
        """The best `most` in the reranker's order, and after them the others as they were."""
        if not most or not passages:
            return tuple(passages)
        with clock.stage("rerank") as told:
            found = self.reranking.scores(query.text, [each.text for each in passages[:most]])
            told.append(found.told)
        return in_order(passages, found.scores) if found.scores else tuple(passages)

    def _gathered(
        self, query: Query, passages: tuple[Passage, ...], clock: _Clock
    ) -> tuple[Passage, ...]:
        """Passages as results: near-identical ones once, those that stand together as one."""
        if query.grouping is Grouping.CHUNK:
            return passages
        with clock.stage("gather", "what stands together as one, and what is the same once"):
            groups = joined(folded(passages))
            places = [(g[0].revision_id, g[0].start, g[-1].end) for g in groups if len(g) > 1]
            texts = iter(self.hits.stretches(places))
            found = [as_one(group, next(texts)) if len(group) > 1 else group[0] for group in groups]
            if query.grouping is Grouping.DOCUMENT:
                found = by_document(found)
            return tuple(replace(each, rank=rank) for rank, each in enumerate(found, start=1))

    def _within(self, index: Index, query: Query, clock: _Clock) -> Within:
        conditions = (query.filter, query.phrases, query.without)
        if not any(conditions):
            return self.narrowing.within(index, query.document_ids, *conditions)
        with clock.stage("narrow", "to what the filters, phrases and left out words allow"):
            return self.narrowing.within(index, query.document_ids, *conditions)

    def _ranked(self, sought: _Sought) -> _Ranking:
        mode = sought.query.mode
        matching = None
        if mode is not Mode.VECTOR:
            matching = self.pool.submit(self._matches, sought)
        neighbours: tuple[Neighbour, ...] = ()
        if mode is not Mode.KEYWORD:
            neighbours = self._neighbours(sought)
        matches = matching.result() if matching is not None else ()
        if mode is Mode.HYBRID:
            with sought.clock.stage("fuse", "each half by how far its best stands out"):
                fused = fuse(
                    [
                        Half(Mode.VECTOR, {one.chunk_id: one.similarity for one in neighbours}),
                        Half(Mode.KEYWORD, {one.chunk_id: one.score for one in matches}, floor=0.0),
                    ]
                )
        else:
            fused = tuple(
                [Fused(one.chunk_id, one.similarity, {}) for one in neighbours]
                + [Fused(one.chunk_id, one.score, {}) for one in matches]
            )
        return _Ranking(fused, neighbours, matches)

    def _neighbours(self, sought: _Sought) -> tuple[Neighbour, ...]:
        index, embedder, clock, limit = sought.index, sought.embedder, sought.clock, sought.limit
        with clock.stage("understand", f"embedded with {index.recipe.model}"):
            vector = embedder.embed_query(sought.query.text)
        with clock.stage("meaning") as told:
            near = self.vectors.nearest(index, embedder, vector, limit, sought.within)
            told.append(near.plan.told(limit))
        return near.found

    def _matches(self, sought: _Sought) -> tuple[WordMatch, ...]:
        with sought.clock.stage("words", f"the {sought.limit} best by BM25"):
            return self.words.best(sought.index, sought.query.text, sought.limit, sought.within)


@dataclass(frozen=True)
class _Ranking:
    fused: tuple[Fused, ...]
    neighbours: tuple[Neighbour, ...]
    matches: tuple[WordMatch, ...]

    def evidence(self, one: Fused) -> Evidence:
        near = next(
            ((rank, n) for rank, n in enumerate(self.neighbours, 1) if n.chunk_id == one.chunk_id),
            None,
        )
        match = next(
            ((rank, m) for rank, m in enumerate(self.matches, 1) if m.chunk_id == one.chunk_id),
            None,
        )
        return Evidence(
            vector_rank=near[0] if near else None,
            similarity=near[1].similarity if near else None,
            keyword_rank=match[0] if match else None,
            bm25=match[1].score if match else None,
            word_weights=match[1].weights if match else {},
            shares=one.shares,
        )


def _read_for(query: Query, top_k: int) -> int:
    """How many chunks are read for `top_k` results: some of them become one."""
    if query.grouping is Grouping.CHUNK:
        return top_k
    return CANDIDATES if query.grouping is Grouping.DOCUMENT else 2 * top_k


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


def _passage(rank: int, hit: Hit, score: float, evidence: Evidence) -> Passage:
    return Passage(
        rank=rank,
        score=score,
        chunk_id=hit.chunk_id,
        document_id=hit.document_id,
        document_name=hit.document_name,
        title=hit.title,
        revision_id=hit.revision_id,
        revision_created_at=hit.revision_created_at,
        start=hit.start,
        end=hit.end,
        text=hit.text,
        section_path=hit.section_path,
        page=hit.page,
        language=hit.language,
        evidence=evidence,
    )
