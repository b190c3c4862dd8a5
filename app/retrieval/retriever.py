"""Question → ranked passages, and why they are ranked so."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from app.documents.model import KnowledgeBase
from app.embedding.embedder import Embedder
from app.embedding.known_models import known_model
from app.embedding.spending import Purpose, spending_on
from app.errors import InvalidRequest, ModelUnavailable, ProviderError
from app.indexes.analysis import may_be_in
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
from app.retrieval.clock import Clock
from app.retrieval.finishing import gathered, reranked
from app.retrieval.fusion import Fused
from app.retrieval.nearest import with_nearest
from app.retrieval.passage import Passage, Retrieval, Stage
from app.retrieval.query import Grouping, Mode, Query, checked
from app.retrieval.ranking import Halves, Ranking, ranked
from app.retrieval.reranking import NO_RERANKING, Reranking
from app.retrieval.synonyms import related
from app.telemetry import in_this_context

MOST_BASES = 50  # knowledge bases that one search looks through
CANDIDATES = 100  # that each half gives to the fusion, or as many as are asked for
FEWEST_BY_MEANING = 50  # that meaning alone is asked for: more take longer to compare exactly
TRIES = 3  # when a document is swapped between two reads


@dataclass(frozen=True)
class _Search:
    """What is asked, and what is told of the way; `names` of indexes only where there are several.

    `problems` are knowledge bases that could not be searched, or by words alone, with the reason.
    """

    query: Query
    top_k: int
    names: Mapping[int, str]
    clock: Clock
    problems: list[str] = field(default_factory=list)

    def told(self, index: Index, detail: str) -> str:
        name = self.names.get(index.id)
        return f"{name}: {detail}" if name else detail


@dataclass(frozen=True)
class _Sought:
    """What both halves look for in one index; each gives its `limit` best."""

    index: Index
    embedder: Embedder
    within: Within
    limit: int


@dataclass(frozen=True)
class _Found:
    """Passages, and all chunks that were ranked; both best first."""

    passages: tuple[Passage, ...] = ()
    candidates: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()


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
        return self.retrieve_across((base,), query, top_k)

    def retrieve_across(
        self, bases: Sequence[KnowledgeBase], query: Query, top_k: int
    ) -> Retrieval:
        """As `retrieve`, from several knowledge bases, in one ranking.

        One whose embedding model cannot be had is searched by words alone, or not at all, and named
        in `problems`.
        """
        checked(query, top_k)
        synonyms = [one for base in bases for one in related(query.text, base.synonyms)]
        query = replace(query, related=tuple(dict.fromkeys(synonyms)))
        if len(bases) > MOST_BASES:
            raise InvalidRequest(
                f"{len(bases)} knowledge bases are too many for one search.",
                remedy=f"Name those to search: at most {MOST_BASES}.",
            )
        active = [(self.indexes.active(base.id), base.name) for base in bases]
        there = [(index, name) for index, name in active if index is not None]
        names = {index.id: name for index, name in there} if len(bases) > 1 else {}
        retrieval = self._retrieved([index for index, _ in there], names, query, top_k)
        return retrieval if len(bases) == 1 else _named(retrieval, bases)

    def retrieve_from(self, index: Index | None, query: Query, top_k: int) -> Retrieval:
        """As `retrieve`, from an index that need not be the active one; nothing from None."""
        return self._retrieved([] if index is None else [index], {}, query, top_k)

    def with_nearest(self, retrieval: Retrieval) -> Retrieval:
        """The same, with each passage's sentence that is nearest to the question in meaning.

        Raises:
            ProviderError, ModelUnavailable: the sentences could not be embedded.
        """
        clock = Clock()
        bases = dict.fromkeys(p.knowledge_base_id for p in retrieval.passages)
        passages = {passage.rank: passage for passage in retrieval.passages}
        with clock.stage("sentences", "the nearest of each passage, by its own embedding"):
            for base in bases:
                index = self.indexes.active(base)
                if index is not None:
                    of_base = [p for p in retrieval.passages if p.knowledge_base_id == base]
                    embedder = self.embedders.of(index.recipe)
                    for passage in with_nearest(embedder, retrieval.query.text, of_base):
                        passages[passage.rank] = passage
        return replace(
            retrieval,
            passages=tuple(passages.values()),
            stages=(*retrieval.stages, *clock.stages),
            milliseconds=retrieval.milliseconds + sum(s.milliseconds for s in clock.stages),
        )

    def _retrieved(
        self, indexes: Sequence[Index], names: Mapping[int, str], query: Query, top_k: int
    ) -> Retrieval:
        began = time.perf_counter()
        search = _Search(query, top_k, names, Clock())
        if not indexes:
            search.clock.stages.append(Stage("search", "no document has been ingested", 0.0))
            found = _Found()
        else:
            found = self._found_once(indexes, search)
        return Retrieval(
            query,
            found.passages,
            tuple(search.clock.stages),
            1000 * (time.perf_counter() - began),
            found.candidates,
            found.problems,
        )

    def _found_once(self, indexes: Sequence[Index], search: _Search) -> _Found:
        """What was found before where nothing has changed since, with the stages of then."""
        clock = search.clock
        key = self.cache.key(indexes, search.query, search.top_k)
        with clock.stage("cache", "asked before, and nothing has changed: the rest is of then"):
            kept = self.cache.get(key)
        if kept is not None:
            clock.stages.extend(kept.stages)
            return kept.found
        clock.stages.clear()
        with self.courtesy.search():
            found = self._found(indexes, search)
        if self._is_whole(search.query, found):
            self.cache.keep(key, _Kept(found, tuple(clock.stages)), len(found.passages))
        return found

    def _is_whole(self, query: Query, found: _Found) -> bool:
        """Whether all did their part: what was slow or away may be there next time."""
        asked = query.rerank and self.reranking.most and found.passages
        reranked = not asked or found.passages[0].evidence.rerank_score is not None
        return reranked and not found.problems

    def _found(self, indexes: Sequence[Index], search: _Search) -> _Found:
        query, clock = search.query, search.clock
        most_reranked = self.reranking.most if query.rerank else 0
        fewest = FEWEST_BY_MEANING if query.mode is Mode.VECTOR else CANDIDATES
        sought = self._sought(indexes, search, max(search.top_k, most_reranked, fewest))
        if not sought:
            return _Found(problems=tuple(search.problems))
        first = max(_read_for(query, search.top_k), most_reranked)
        for left in reversed(range(TRIES)):
            ranking = self._ranked(sought, search)
            best = ranking.fused[:first]
            with clock.stage("read", "passages with their documents"):
                passages = self._read(ranking, best)
            # Each read is a snapshot of its own. Where a document was swapped between two of them,
            # its new state is there to be found: look again rather than leave it out.
            if len(passages) == len(best) or not left:
                break
        passages = reranked(self.reranking, query, passages, clock)
        if query.grouping is not Grouping.CHUNK:
            rest = ranking.fused[first:]
            with clock.stage("gather", "what stands together as one, and what is the same once"):
                found = gathered(self.hits, query.grouping, passages)
                if len(found) < search.top_k and rest:
                    passages += self._read(ranking, rest, after=len(passages))
                    found = gathered(self.hits, query.grouping, passages)
                passages = found
        candidates = tuple(one.chunk_id for one in ranking.fused)
        return _Found(passages[: search.top_k], candidates, tuple(search.problems))

    def _sought(self, indexes: Sequence[Index], search: _Search, limit: int) -> list[_Sought]:
        """What to look for in each index, without those in which nothing can be found."""
        sought = []
        for index in indexes:
            try:
                embedder = self.embedders.of(index.recipe)
            except (ProviderError, ModelUnavailable) as refused:
                if not search.names:
                    raise
                search.problems.append(search.told(index, f"not searched. {refused.message}"))
                continue
            within = self._within(index, search)
            if not within.nowhere:
                sought.append(_Sought(index, embedder, within, limit))
        return sought

    def _read(
        self, ranking: Ranking, wanted: Sequence[Fused], after: int = 0
    ) -> tuple[Passage, ...]:
        """Those of the chunks that are still there, in their order; ranks go on `after`."""
        by_index: dict[Index, list[int]] = {}
        for one in wanted:
            by_index.setdefault(ranking.index_of[one.chunk_id], []).append(one.chunk_id)
        # Before the chunks: of one that is read afterwards and still there, these were there too.
        matches = (ranking.matches.get(one.chunk_id) for one in wanted)
        weights = self.words.weights(match for _, match in filter(None, matches))
        hits: dict[int, Hit] = {}
        for index, chunk_ids in by_index.items():
            hits |= self.hits.read(index, self.embedders.of(index.recipe), chunk_ids)
        there = (one for one in wanted if one.chunk_id in hits)
        return tuple(
            _passage(rank, hits[one.chunk_id], ranking, one, weights.get(one.chunk_id, {}))
            for rank, one in enumerate(there, start=after + 1)
        )

    def _within(self, index: Index, search: _Search) -> Within:
        query = search.query
        conditions = (query.filter, query.phrases, query.without)
        narrowing = self.narrowing.within
        if not any(conditions):
            return narrowing(index, query.document_ids, *conditions)
        done = search.told(index, "to what the filters, phrases and left out words allow")
        with search.clock.stage("narrow", done):
            return narrowing(index, query.document_ids, *conditions)

    def _ranked(self, sought: Sequence[_Sought], search: _Search) -> Ranking:
        mode = search.query.mode
        matching: list[Future[tuple[WordMatch, ...]]] = []
        near: list[tuple[Neighbour, ...]] = [() for _ in sought]
        if mode is not Mode.VECTOR:
            matching = [
                self.pool.submit(in_this_context(self._matches), one, search) for one in sought
            ]
        if mode is not Mode.KEYWORD:
            near = self._near(sought, search)
        matches = [each.result() for each in matching] or [() for _ in sought]
        found = [
            Halves(one.index, of_meaning, of_words, self._understands(one.index, search.query))
            for one, of_meaning, of_words in zip(sought, near, matches, strict=True)
        ]
        if mode is not Mode.HYBRID and len(sought) == 1:
            return ranked(mode, found, sought[0].limit)
        how = "each half by how far its best stands out, then what stands around each"
        with search.clock.stage("fuse", how):
            return ranked(mode, found, sought[0].limit)

    def _understands(self, index: Index, query: Query) -> bool:
        """Whether the model is known to be made for the language of the question and the texts."""
        spoken = self.words.spoken(index)
        languages = known_model(index.recipe.model).languages
        return spoken in languages and may_be_in(query.text, spoken)

    def _near(self, sought: Sequence[_Sought], search: _Search) -> list[tuple[Neighbour, ...]]:
        """What is nearest in each index; the question is embedded once by each model."""
        vectors: dict[int, Sequence[float] | None] = {}
        for one in sought:
            if id(one.embedder) not in vectors:
                vectors[id(one.embedder)] = self._understood(one, search)
        *others, last = [(one, vectors[id(one.embedder)]) for one in sought]
        searching = [
            self.pool.submit(in_this_context(self._neighbours), *each, search) for each in others
        ]
        own = self._neighbours(*last, search)
        return [*(each.result() for each in searching), own]

    def _understood(self, sought: _Sought, search: _Search) -> Sequence[float] | None:
        """The question's vector; None where the model refused and others can be searched."""
        try:
            model, base = sought.index.recipe.model, sought.index.knowledge_base_id
            understanding = search.clock.stage("understand", f"embedded with {model}")
            with understanding, spending_on(Purpose(base)):
                return sought.embedder.embed_query(search.query.text)
        except (ProviderError, ModelUnavailable) as refused:
            if not search.names:
                raise
            told = f"searched by words alone. {refused.message}"
            search.problems.append(search.told(sought.index, told))
            return None

    def _neighbours(
        self, sought: _Sought, vector: Sequence[float] | None, search: _Search
    ) -> tuple[Neighbour, ...]:
        if vector is None:
            return ()
        index, limit = sought.index, sought.limit
        with search.clock.stage("meaning") as told:
            near = self.vectors.nearest(index, sought.embedder, vector, limit, sought.within)
            told.append(search.told(index, near.plan.told(limit)))
        return near.found

    def _matches(self, sought: _Sought, search: _Search) -> tuple[WordMatch, ...]:
        index, limit = sought.index, sought.limit
        also = f", also for {', '.join(search.query.related)}" if search.query.related else ""
        with search.clock.stage("words") as told:
            found = self.words.best(index, search.query.words, limit, sought.within)
            by = "TiDB's full text" if self.words.by_full_text(index) else "BM25"
            told.append(search.told(index, f"the {limit} best by {by}{also}"))
        return found


def _named(retrieval: Retrieval, bases: Sequence[KnowledgeBase]) -> Retrieval:
    names = {base.id: base.name for base in bases}
    return replace(
        retrieval,
        passages=tuple(
            replace(passage, knowledge_base=names[passage.knowledge_base_id])
            for passage in retrieval.passages
        ),
        knowledge_bases=tuple(names.values()),
    )


def _read_for(query: Query, top_k: int) -> int:
    """How many chunks are read for `top_k` results: some of them become one."""
    if query.grouping is Grouping.CHUNK:
        return top_k
    return CANDIDATES if query.grouping is Grouping.DOCUMENT else 2 * top_k


def _passage(
    rank: int, hit: Hit, ranking: Ranking, one: Fused, weights: Mapping[str, float]
) -> Passage:
    return Passage(
        rank=rank,
        score=one.score,
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
        knowledge_base_id=ranking.index_of[hit.chunk_id].knowledge_base_id,
        evidence=replace(ranking.evidence(one), word_weights=weights),
    )
