"""Which way a vector search goes: one place decides, from the server, the index and the filter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.database.capabilities import Capabilities

PAYS_FROM = 10_000
"""Chunks to look through from which a first pass over signatures pays: below, exact is as fast."""
FEWEST_CANDIDATES = 500
CANDIDATES_A_RESULT = 10
"""Of the ten nearest among 50,000 real texts 99 in 100 are there: see docs/retrieval.md."""
OVERFETCH = 4
"""Neighbours that a vector index is asked for, for each one that is wanted after the filter."""


class Way(StrEnum):
    """How the nearest vectors are found."""

    EXACT = "exact"
    SIGNATURES = "signatures"
    HNSW = "hnsw"


@dataclass(frozen=True)
class VectorPlan:
    """A way, and why it was chosen; `candidates` are what a first pass keeps, 0 without one."""

    way: Way
    candidates: int
    why: str

    def told(self, limit: int) -> str:
        """What was done, in words."""
        if self.way is Way.SIGNATURES:
            return (
                f"the {limit} nearest vectors, exactly among the {self.candidates:,} "
                f"with the nearest signatures: {self.why}"
            )
        if self.way is Way.HNSW:
            return (
                f"the {limit} nearest vectors of {self.candidates:,} from the vector index (HNSW), "
                f"filtered afterwards: {self.why}"
            )
        return f"the {limit} nearest vectors, exactly, with the filter first: {self.why}"


@dataclass(frozen=True)
class VectorPlanner:
    """Chooses among the ways that this server has."""

    capabilities: Capabilities
    pays_from: int = PAYS_FROM

    def plan(self, chunks: int, limit: int, *, filtered: bool, indexed: bool) -> VectorPlan:
        """The plan for the `limit` nearest of `chunks` chunks, those that the filter leaves.

        `filtered` is whether it leaves out more than what is being replaced; `indexed`, whether the
        vectors have an HNSW index.
        """
        if indexed and not filtered:
            return VectorPlan(Way.HNSW, OVERFETCH * limit, "the server has TiFlash")
        if self.capabilities.tiflash_stores and not indexed:
            return VectorPlan(Way.EXACT, 0, "TiDB does not use the vector index yet, by EXPLAIN")
        candidates = max(FEWEST_CANDIDATES, CANDIDATES_A_RESULT * limit)
        if not self.capabilities.single:
            return VectorPlan(Way.EXACT, 0, "the stores of the cluster compute the distances")
        if chunks < self.pays_from:
            return VectorPlan(Way.EXACT, 0, f"there are {chunks:,} chunks to look through")
        return VectorPlan(Way.SIGNATURES, candidates, f"there are {chunks:,} chunks")
