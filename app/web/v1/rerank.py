"""`POST /v1/rerank`: documents in the order of how well they answer a query, as Cohere and Jina do.

https://docs.cohere.com/v1/reference/rerank and https://api.jina.ai/redoc#tag/rerank
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.access.rights import Right
from app.web.access import needs
from app.web.v1.access import Allowed, spend
from app.web.v1.body import Body, SentBody
from app.web.v1.catalogue import EmbeddingName, embedder_named
from app.web.v1.embeddings import AllQueues, Queues
from app.web.v1.errors import Refused
from app.web.v1.hanging_up import unless_hung_up
from app.web.v1.pieces import Model, Piece, Vectors
from app.web.v1.sizes import parted
from app.web.wiring import Wired

router = APIRouter()

MOST_DOCUMENTS = 2048
_QUERY = "query"
_DOCUMENTS = "documents"


@dataclass(frozen=True)
class Asked:
    """A request that can be fulfilled."""

    name: str
    model: Model
    query: tuple[Piece, ...]
    documents: tuple[tuple[Piece, ...], ...]
    texts: tuple[str, ...]
    top: int
    shown: bool

    @property
    def pieces(self) -> list[Piece]:
        return [*self.query, *(piece for pieces in self.documents for piece in pieces)]

    @property
    def tokens(self) -> int:
        return sum(piece.tokens for piece in self.pieces)


@router.post("/rerank")
@needs(Right.EMBED)
async def rerank(
    sent: SentBody, services: Wired, queues: AllQueues, _: Allowed, request: Request
) -> Response:
    """The documents that answer the query best, each with its score from 0 to 1."""
    asked = await to_thread.run_sync(_asked, sent, services, queues)
    await spend(request, tokens=asked.tokens)
    queue = queues.of(asked.name, asked.model)
    vectors = await unless_hung_up(request, queue.embed(asked.pieces))
    scores = _scores(asked, vectors)
    order = np.argsort(-scores, kind="stable")[: asked.top]
    results = [_result(asked, int(place), float(scores[place])) for place in order]
    return JSONResponse(
        {
            "id": f"rerank-{uuid4().hex}",
            "object": "list",
            "model": asked.name,
            "results": results,
            "usage": {"prompt_tokens": asked.tokens, "total_tokens": asked.tokens},
            "meta": {"api_version": {"version": "1"}, "billed_units": {"search_units": 1}},
        }
    )


def _asked(sent: Body, services: Wired, queues: Queues) -> Asked:
    name = sent.model()
    query = sent.get(_QUERY)
    if not isinstance(query, str) or not query.strip():
        raise Refused("'query' must be a string that is not empty.", param=_QUERY)
    texts = tuple(_texts(sent.get(_DOCUMENTS)))
    top = _top(sent.get("top_n"), len(texts))
    shown = sent.flag("return_documents")
    embedder = embedder_named(name, services)
    model = queues.model(embedder)
    return Asked(
        EmbeddingName.of(embedder).name,
        model,
        parted([query], model, embedder.query_prefix, _QUERY)[0],
        parted(texts, model, embedder.document_prefix, _DOCUMENTS),
        texts,
        top,
        shown,
    )


def _texts(given: object) -> Sequence[str]:
    if not isinstance(given, list) or not given:
        raise Refused("'documents' must be an array that is not empty.", param=_DOCUMENTS)
    if len(given) > MOST_DOCUMENTS:
        raise Refused(
            f"'documents' has {len(given)} items; at most {MOST_DOCUMENTS} are taken.",
            param=_DOCUMENTS,
            code="array_above_max_length",
        )
    texts = []
    for place, document in enumerate(given):
        text = document.get("text") if isinstance(document, dict) else document
        if not isinstance(text, str) or not text:
            raise Refused(
                f"'documents[{place}]' must be a string, or an object with one as its 'text', "
                "that is not empty.",
                param=_DOCUMENTS,
            )
        texts.append(text)
    return texts


def _top(given: object, count: int) -> int:
    if given is None:
        return count
    if type(given) is not int or given < 1:  # a boolean is an int to isinstance
        raise Refused("'top_n' must be a whole number from 1.", param="top_n")
    return min(given, count)


def _scores(asked: Asked, vectors: Vectors) -> Vectors:
    """Each document's cosine to the query, that of its best part where it has several."""
    parts = len(asked.query)
    query = vectors[:parts].mean(axis=0)
    similar = vectors[parts:] @ (query / np.linalg.norm(query))
    starts = np.cumsum([0, *(len(pieces) for pieces in asked.documents[:-1])])
    best: Vectors = np.maximum.reduceat(similar, starts)
    return best


def _result(asked: Asked, place: int, score: float) -> dict[str, object]:
    # What points away from the query is as far from it as what has nothing to do with it.
    result: dict[str, object] = {
        "index": place,
        "relevance_score": round(min(1.0, max(0.0, score)), 6),
    }
    if asked.shown:
        result["document"] = {"text": asked.texts[place]}
    return result
