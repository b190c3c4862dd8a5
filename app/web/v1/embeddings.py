"""`POST /v1/embeddings`: texts → vectors."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.embedding.embedder import Embedder
from app.embedding.vectors import plain
from app.web.v1.access import Allowed
from app.web.v1.body import Body, SentBody
from app.web.v1.catalogue import EmbeddingName, embedder_named
from app.web.v1.errors import Refused
from app.web.v1.hanging_up import unless_hung_up
from app.web.v1.inputs import texts_of
from app.web.v1.pieces import Model, Piece, Vectors, joined, model_of
from app.web.v1.waiting import EmbeddingQueue
from app.web.wiring import Wired

router = APIRouter()

MOST_TOKENS_EACH = 8192
MOST_TOKENS = 300_000
_FORMATS = ("float", "base64")
_QUERIES = frozenset({"query", "search_query"})
_DOCUMENTS = frozenset({"document", "passage", "search_document"})


async def queue(request: Request, services: Wired) -> EmbeddingQueue:
    """The one queue of this process, made when it is first needed."""
    made: EmbeddingQueue | None = getattr(request.app.state, "embedding_queue", None)
    if made is None:
        made = request.app.state.embedding_queue = EmbeddingQueue(model_of(services.embedder))
    return made


Queue = Annotated[EmbeddingQueue, Depends(queue)]


@dataclass(frozen=True)
class Asked:
    """A request that can be fulfilled."""

    name: str
    texts: tuple[tuple[Piece, ...], ...]
    encoding: Literal["float", "base64"]

    @property
    def tokens(self) -> int:
        return sum(piece.tokens for pieces in self.texts for piece in pieces)


@router.post("/embeddings")
async def embeddings(
    sent: SentBody, services: Wired, queue: Queue, _: Allowed, request: Request
) -> Response:
    """One vector of unit length for each input, in order."""
    asked = await to_thread.run_sync(_asked, sent, services.embedder, queue.model, services)
    pieces = [piece for text in asked.texts for piece in text]
    vectors = await unless_hung_up(request, queue.embed(pieces))
    reply = await to_thread.run_sync(_reply, asked, vectors)
    return Response(reply, media_type="application/json")


def _asked(sent: Body, embedder: Embedder, model: Model, services: Wired) -> Asked:
    """Everything is checked here, before anything is embedded."""
    name = sent.model()
    texts = texts_of(sent.get("input"))
    encoding = _encoding(sent.get("encoding_format"))
    dimensions = _dimensions(sent.get("dimensions"))
    embedder_named(name, services)
    # One width: none of the models that run here was trained to be cut.
    if dimensions not in (None, model.width):
        raise Refused(
            f"This model does not support 'dimensions' of {dimensions}: its vectors are "
            f"{model.width} wide.",
            param="dimensions",
        )
    pieces = _pieces(texts, model, _prefix(sent.get("input_type"), embedder))
    return Asked(EmbeddingName.of(embedder).name, pieces, encoding)


def _pieces(texts: Sequence[str], model: Model, prefix: str) -> tuple[tuple[Piece, ...], ...]:
    counted, total = [], 0
    for place, text in enumerate(texts):
        pieces = tuple(model.pieces(text, prefix))
        tokens = sum(piece.tokens for piece in pieces)
        if tokens > MOST_TOKENS_EACH:
            raise Refused(
                f"'input[{place}]' has {tokens} tokens; at most {MOST_TOKENS_EACH} are embedded.",
                param="input",
                code="context_length_exceeded",
            )
        counted.append(pieces)
        total += tokens
    if total > MOST_TOKENS:
        raise Refused(
            f"The request has {total} tokens; at most {MOST_TOKENS} are embedded at once.",
            kind="max_tokens_per_request",
            code="max_tokens_per_request",
        )
    return tuple(counted)


def _encoding(given: object) -> Literal["float", "base64"]:
    if given is None or given == "float":
        return "float"
    if given == "base64":
        return "base64"
    allowed = " or ".join(repr(name) for name in _FORMATS)
    raise Refused(f"'encoding_format' must be {allowed}.", param="encoding_format")


def _dimensions(given: object) -> int | None:
    if given is None:
        return None
    if type(given) is not int or given < 1:  # a boolean is an int to isinstance
        raise Refused("'dimensions' must be a whole number from 1.", param="dimensions")
    return given


def _prefix(input_type: object, embedder: Embedder) -> str:
    """What the model wants before such a text; other types mean nothing to anybody here."""
    if not isinstance(input_type, str):
        return ""
    if input_type in _QUERIES:
        return embedder.query_prefix
    return embedder.document_prefix if input_type in _DOCUMENTS else ""


def _reply(asked: Asked, pieces: Vectors) -> bytes:
    vectors = joined(pieces, asked.texts)
    shown: list[str] | list[list[float]]
    if asked.encoding == "base64":
        shown = [base64.b64encode(vector).decode() for vector in vectors.astype("<f4")]
    else:
        shown = plain(vectors)
    return to_json(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": embedding}
                for index, embedding in enumerate(shown)
            ],
            "model": asked.name,
            "usage": {"prompt_tokens": asked.tokens, "total_tokens": asked.tokens},
        }
    )
