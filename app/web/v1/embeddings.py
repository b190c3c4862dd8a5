"""`POST /v1/embeddings`: texts → vectors."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.access.rights import Right
from app.embedding.embedder import Embedder
from app.embedding.local import LocalEmbedder
from app.embedding.remote import RemoteEmbedder
from app.embedding.vectors import plain
from app.services import Services
from app.web.access import needs
from app.web.v1.access import Allowed, spend
from app.web.v1.body import Body, SentBody
from app.web.v1.catalogue import EmbeddingName, embedder_named
from app.web.v1.errors import Refused
from app.web.v1.hanging_up import unless_hung_up
from app.web.v1.inputs import texts_of
from app.web.v1.pieces import Model, Piece, Vectors, joined, model_of
from app.web.v1.sizes import parted
from app.web.v1.waiting import EmbeddingQueue
from app.web.wiring import Wired

router = APIRouter()

LITTLE = 2048
"""Bytes of a request that is read at once; the next are read on a thread."""
_FORMATS = ("float", "base64")
_QUERIES = frozenset({"query", "search_query"})
_DOCUMENTS = frozenset({"document", "passage", "search_document"})


@dataclass
class Queues:
    """One queue of this process for each model, made when it is first needed."""

    models: dict[str, tuple[Embedder, Model]] = field(default_factory=dict)
    queues: dict[str, EmbeddingQueue] = field(default_factory=dict)

    def model(self, embedder: Embedder) -> Model:
        """The model behind an embedder; to be called from any thread."""
        kept = self.models.get(embedder.model)
        if kept is None or kept[0] is not embedder:
            kept = self.models[embedder.model] = (embedder, model_of(embedder))
        return kept[1]

    def of(self, name: str, model: Model) -> EmbeddingQueue:
        """The queue of a model; on the event loop only."""
        queue = self.queues.get(name)
        if queue is None or queue.model is not model:
            queue = self.queues[name] = EmbeddingQueue(model)
        return queue


async def queues(request: Request) -> Queues:
    made: Queues | None = getattr(request.app.state, "embedding_queues", None)
    if made is None:
        made = request.app.state.embedding_queues = Queues()
    return made


AllQueues = Annotated[Queues, Depends(queues)]


@dataclass(frozen=True)
class Asked:
    """A request that can be fulfilled."""

    name: str
    model: Model
    texts: tuple[tuple[Piece, ...], ...]
    encoding: Literal["float", "base64"]
    width: int
    """What the vectors are cut to, where the model was trained for that."""

    @property
    def tokens(self) -> int:
        return sum(piece.tokens for pieces in self.texts for piece in pieces)


@router.post("/embeddings")
@needs(Right.EMBED)
async def embeddings(
    sent: SentBody, services: Wired, queues: AllQueues, _: Allowed, request: Request
) -> Response:
    """One vector of unit length for each input, in order."""
    # A thread takes longer to begin than a query to be read, or one vector to be written.
    if _is_little(sent, services):
        asked = _asked(sent, services, queues)
    else:
        asked = await to_thread.run_sync(_asked, sent, services, queues)
    await spend(request, tokens=asked.tokens)
    pieces = [piece for text in asked.texts for piece in text]
    queue = queues.of(asked.name, asked.model)
    vectors = await unless_hung_up(request, queue.embed(pieces))
    if len(vectors) == 1:
        reply = reply_bytes(asked, vectors)
    else:
        reply = await to_thread.run_sync(reply_bytes, asked, vectors)
    return Response(reply, media_type="application/json")


def _is_little(sent: Body, services: Services) -> bool:
    """Whether checking a request takes less than a millisecond, and asks no database or file."""
    if sent.size > LITTLE or not isinstance(services.embedder, LocalEmbedder):
        return False
    name = str(sent.get("model"))
    means = EmbeddingName.of(services.embedder).means
    return means(services.settings.aliases.get(name, name))


def _asked(sent: Body, services: Wired, queues: Queues) -> Asked:
    """Everything is checked here, before anything is embedded."""
    name = sent.model()
    texts = texts_of(sent.get("input"))
    encoding = _encoding(sent.get("encoding_format"))
    dimensions = _dimensions(sent.get("dimensions"))
    embedder = embedder_named(name, services)
    model = queues.model(embedder)
    width = _width(dimensions, model, embedder)
    pieces = parted(texts, model, _prefix(sent.get("input_type"), embedder), "input")
    return Asked(EmbeddingName.of(embedder).name, model, pieces, encoding, width)


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


def _width(dimensions: int | None, model: Model, embedder: Embedder) -> int:
    """Models that were not trained to be cut lose more than length: they have one width."""
    if dimensions is None or dimensions == model.width:
        return model.width
    cuts = isinstance(embedder, RemoteEmbedder) and embedder.sends_dimensions
    if cuts and dimensions < model.width:
        return dimensions
    limit = f"at most {model.width}" if cuts else f"{model.width} only"
    raise Refused(
        f"This model does not support 'dimensions' of {dimensions}: {limit}.", param="dimensions"
    )


def _prefix(input_type: object, embedder: Embedder) -> str:
    """What the model wants before such a text; other types mean nothing to anybody here."""
    if not isinstance(input_type, str):
        return ""
    if input_type in _QUERIES:
        return embedder.query_prefix
    return embedder.document_prefix if input_type in _DOCUMENTS else ""


def reply_bytes(asked: Asked, pieces: Vectors) -> bytes:
    vectors = joined(pieces, asked.texts)
    if asked.width < vectors.shape[1]:  # as the model's provider itself does it
        vectors = vectors[:, : asked.width]
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    # Joined by hand: most of the time of a large reply would go into looking, in base64, for
    # characters that JSON does not allow.
    rows = [
        b'{"object":"embedding","index":%d,"embedding":%b}' % (index, embedding)
        for index, embedding in enumerate(_written(vectors, asked.encoding))
    ]
    usage = {"prompt_tokens": asked.tokens, "total_tokens": asked.tokens}
    end = to_json({"model": asked.name, "usage": usage})
    return b'{"object":"list","data":[' + b",".join(rows) + b"]," + end[1:]


def _written(vectors: Vectors, encoding: Literal["float", "base64"]) -> Iterator[bytes]:
    """Each vector as JSON."""
    if encoding == "base64":
        return (b'"%b"' % b2a_base64(vector, newline=False) for vector in vectors.astype("<f4"))
    return (to_json(vector) for vector in plain(vectors))
