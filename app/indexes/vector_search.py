"""Vector search of an index: over what is current, in one snapshot, the way that the plan says."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytidb.table import Table
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.embedding.embedder import Embedder
from app.indexes.chunk_table import CHUNKS_A_REVISION, chunk_table, chunk_table_name
from app.indexes.index import Index
from app.indexes.live import live_chunks
from app.indexes.scope import EVERYWHERE, Scope, Within
from app.indexes.signatures import first_pass
from app.indexes.vector_index import has_vector_index
from app.indexes.vector_plan import VectorPlan, VectorPlanner, Way

AT_ONCE = 4
"""Vector queries of one process at a time: TiDB keeps each one's scan outside its memory quota."""

REVISION = f"chunk_id DIV {CHUNKS_A_REVISION}"


@dataclass(frozen=True)
class Neighbour:
    """A chunk found by meaning; `similarity` is the cosine, from -1 to 1."""

    chunk_id: int
    similarity: float


@dataclass(frozen=True)
class Neighbours:
    """What a vector search found, nearest first, and how it went."""

    found: tuple[Neighbour, ...]
    plan: VectorPlan


@dataclass(frozen=True)
class VectorSearch:
    database: Database
    planner: VectorPlanner
    gate: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(AT_ONCE)
    )
    _known: dict[int, tuple[int, int, bool]] = field(default_factory=dict)
    """Of an index, by its id: its version, how many chunks it has live, whether it has HNSW."""

    def nearest(
        self,
        index: Index,
        embedder: Embedder,
        vector: Sequence[float],
        limit: int,
        within: Within = EVERYWHERE,
    ) -> Neighbours:
        """The `limit` chunks nearest to `vector` by cosine, nearest first.

        Only chunks of current revisions are looked at, and of those what is `within`.
        Every similarity is exact, whichever way the chunks were found.
        """
        table = chunk_table(self.database.client, index.id, embedder.function)

        def search(session: Session) -> Neighbours:
            scope = Scope.of(session, index.id, within)
            plan = self._plan(session, index, scope, limit)
            if plan.way is Way.SIGNATURES:
                found = _by_signatures(session, index.id, vector, scope, (plan.candidates, limit))
            else:
                found = _by_pytidb(table, vector, scope, plan, limit)
            if plan.way is Way.HNSW and len(found) < limit:
                # The filter came after the cut, and may have hidden what else there is.
                plan = VectorPlan(Way.EXACT, 0, "the filter left too few of the vector index's")
                found = _by_pytidb(table, vector, scope, plan, limit)
            # The id settles ties, so that the same question always gives the same order.
            found.sort(key=lambda one: (-one.similarity, one.chunk_id))
            return Neighbours(tuple(found), plan)

        with self.gate:
            return self.database.transaction(search)

    def _plan(self, session: Session, index: Index, scope: Scope, limit: int) -> VectorPlan:
        known = self._known.get(index.id)
        with_hnsw = self.planner.capabilities.tiflash_stores > 0
        if known is None or known[0] != index.version or (with_hnsw and not known[2]):
            # Asked once for each version of the index, so that most searches pay nothing for it;
            # and as long as TiFlash is still at the vector index, which is no change of ours.
            known = self._known[index.id] = (
                index.version,
                live_chunks(session, index.id),
                with_hnsw and has_vector_index(session, index),
            )
        _, chunks, indexed = known
        filtered = scope.filtered
        if scope.within.chunk_ids is not None:
            chunks = min(chunks, len(scope.within.chunk_ids))
        elif scope.wanted is not None and chunks >= self.planner.pays_from:
            chunks = live_chunks(session, index.id, scope.wanted)
        return self.planner.plan(chunks, limit, filtered=filtered, indexed=indexed)


def _by_pytidb(
    table: Table[Any], vector: Sequence[float], scope: Scope, plan: VectorPlan, limit: int
) -> list[Neighbour]:
    # Before the cut, never after it: a filter after it can lose every match. Only a vector index
    # allows no condition inside, and what it lost is made up for.
    within: Any = f"TRUE{scope.clause('revision_id', 'id')}"  # numbers of ours alone
    search = table.search(list(vector)).filter(within, prefilter=plan.way is Way.EXACT)
    if plan.way is Way.HNSW:
        search = search.num_candidate(plan.candidates)
    # Not `skip_null_vectors()`: the scan would then compute each distance twice. A vector of zeros,
    # which alone has none, is refused before it is stored.
    rows = search.limit(limit).to_rows()
    return [Neighbour(chunk.id, 1.0 - float(distance)) for chunk, distance, _ in rows]


def _by_signatures(
    session: Session,
    index_id: int,
    vector: Sequence[float],
    scope: Scope,
    how: tuple[int, int],
) -> list[Neighbour]:
    """In one statement: the candidates stay in the server. Only numbers of ours are written in."""
    candidates, limit = how
    first, values = first_pass(index_id, vector)
    live = scope.clause(REVISION)
    rows = session.execute(
        text(
            "SELECT /*+ INL_JOIN(chunk) */ chunk.id, "  # noqa: S608 - see above
            "VEC_COSINE_DISTANCE(chunk.embedding, :vector) AS distance "
            f"FROM ({first} WHERE TRUE{live} ORDER BY far LIMIT :candidates) near "
            f"JOIN {chunk_table_name(index_id)} chunk ON chunk.id = near.chunk_id "
            "ORDER BY distance LIMIT :most"
        ),
        values | {"vector": str(list(vector)), "candidates": candidates, "most": limit},
    )
    return [Neighbour(chunk, 1.0 - float(distance)) for chunk, distance in rows]
