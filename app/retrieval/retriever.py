"""Question → ranked passages."""

from __future__ import annotations

import time
from dataclasses import dataclass

from app.documents.model import KnowledgeBase
from app.errors import InvalidRequest
from app.indexes.embedders import Embedders
from app.indexes.index import Hit
from app.indexes.store import IndexStore
from app.indexes.vector_search import VectorSearch
from app.retrieval.passage import Passage, Query, Retrieval, Stage

LONGEST_QUERY = 8_000  # characters; a model reads far fewer
MOST_PASSAGES = 200


@dataclass(frozen=True)
class Retriever:
    """Finds passages by meaning."""

    indexes: IndexStore
    embedders: Embedders
    vectors: VectorSearch

    def retrieve(self, base: KnowledgeBase, query: Query, top_k: int) -> Retrieval:
        """The `top_k` passages of the knowledge base that are nearest to the question.

        Raises:
            InvalidRequest: an empty or overlong question, or a `top_k` out of range.
            ProviderError, ModelUnavailable: the question could not be embedded.
        """
        checked(query, top_k)
        index = self.indexes.active(base.id)
        if index is None:
            return Retrieval(query, (), (Stage("search", "no document has been ingested", 0.0),))
        began = time.perf_counter()
        embedder = self.embedders.of(index.recipe)
        vector = embedder.embed_query(query.text)
        embedded = time.perf_counter()
        hits = self.vectors.nearest(index, embedder, vector, top_k, query.document_ids)
        found = time.perf_counter()
        return Retrieval(
            query,
            tuple(_passage(rank, hit) for rank, hit in enumerate(hits, start=1)),
            (
                Stage(
                    "understand", f"embedded with {index.recipe.model}", 1000 * (embedded - began)
                ),
                Stage("search", f"{len(hits)} nearest passages", 1000 * (found - embedded)),
            ),
        )


def checked(query: Query, top_k: int) -> None:
    """Refuse a question that cannot be asked, before it costs anything."""
    if not query.text.strip():
        raise InvalidRequest("The question is empty.", remedy="Type some words to look for.")
    if len(query.text) > LONGEST_QUERY:
        raise InvalidRequest(
            f"The question has {len(query.text):,} characters; at most {LONGEST_QUERY:,} are read.",
            remedy="Shorten it to what you want to know.",
        )
    if not 1 <= top_k <= MOST_PASSAGES:
        raise InvalidRequest(
            f"top_k cannot be {top_k}.", remedy=f"Ask for 1 to {MOST_PASSAGES} passages."
        )


def _passage(rank: int, hit: Hit) -> Passage:
    return Passage(
        rank=rank,
        score=1.0 - hit.distance,
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
    )
