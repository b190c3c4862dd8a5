"""The models that clients see: the embedding model, and each knowledge base as a chat model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.embedding.embedder import Embedder
from app.errors import KnowledgeBaseNotFound
from app.services import Services
from app.web.access import needs
from app.web.v1.access import Allowed
from app.web.v1.errors import model_not_found
from app.web.wiring import Wired

router = APIRouter()

CHAT = "tidemark/"
"""What stands before a knowledge base's name to make it a chat model."""
_LIST = "GET /v1/models lists what there is."


class ModelShape(BaseModel):
    """A model as OpenAI's clients list it."""

    id: str
    object: Literal["model"] = "model"
    created: int
    """Seconds since 1970 when it was made; 0 where nobody knows."""
    owned_by: str


class ModelsShape(BaseModel):
    """Every model that the caller may use."""

    object: Literal["list"] = "list"
    data: tuple[ModelShape, ...]


@dataclass(frozen=True)
class EmbeddingName:
    """What the embedding model is called here, and by which other names it answers."""

    name: str
    others: frozenset[str]

    @classmethod
    def of(cls, embedder: Embedder) -> EmbeddingName:
        identity = embedder.model
        provider, _, rest = identity.partition("/")
        plain = rest.partition("@")[0]
        names = frozenset({identity, rest, plain, f"{provider}/{plain}"})
        return cls(plain_name(identity), names)

    def means(self, asked: str) -> bool:
        return asked == self.name or asked in self.others


def plain_name(model: str) -> str:
    """What a model is called here, that recipes name `model`."""
    provider, _, rest = model.partition("/")
    plain = rest.partition("@")[0]
    # A folder on this machine is nobody's business.
    return PurePath(plain).name if provider == "local" and plain.startswith("/") else plain


def embedder_named(asked: str, services: Services) -> Embedder:
    """The embedder that answers to this name.

    Raises:
        Refused: none does.
    """
    asked = services.settings.aliases.get(asked, asked)
    if EmbeddingName.of(services.embedder).means(asked):
        return services.embedder
    added = services.added.of(asked)
    if added is not None:
        return added
    if asked.startswith(CHAT):
        raise model_not_found(asked, f"{CHAT}… are chat models; {_LIST}")
    raise model_not_found(asked, _LIST)


def knowledge_base_named(asked: str, services: Services) -> KnowledgeBase:
    """The knowledge base that is the chat model of this name.

    Raises:
        Refused: there is none.
    """
    asked = services.settings.aliases.get(asked, asked)
    if not asked.startswith(CHAT):
        raise model_not_found(asked, f"Chat models are {CHAT}<knowledge base>; {_LIST}")
    try:
        return services.knowledge_bases.get(asked.removeprefix(CHAT))
    except KnowledgeBaseNotFound:
        raise model_not_found(asked, _LIST) from None


@router.get("/models")
@needs(Right.KNOWN)
def models(services: Wired, _: Allowed) -> ModelsShape:
    """Every model, the embedding model first, and other names for them last."""
    return ModelsShape(data=tuple(_models(services)))


@router.get("/models/{name:path}")
@needs(Right.KNOWN)
def model(name: str, services: Wired, _: Allowed) -> ModelShape:
    """One model, by any name that it answers to; names may have slashes in them."""
    if services.settings.aliases.get(name, name).startswith(CHAT):
        return _chat_model(knowledge_base_named(name, services))
    return _embedding_model(embedder_named(name, services))


def _models(services: Services) -> Iterator[ModelShape]:
    yield _embedding_model(services.embedder)
    own = EmbeddingName.of(services.embedder)
    for added in services.added.models.list():
        if not own.means(added.name):
            made = int(added.added_at.timestamp())
            yield ModelShape(id=added.name, created=made, owned_by="tidemark")
    bases = [base for base, _ in services.knowledge_bases.list()]
    yield from map(_chat_model, bases)
    seen = {CHAT + base.name for base in bases}
    for alias, model in services.settings.aliases.items():
        # Another name for what may not be seen would tell that it is there.
        if not model.startswith(CHAT) or model in seen:
            yield ModelShape(id=alias, created=0, owned_by="tidemark")


def _embedding_model(embedder: Embedder) -> ModelShape:
    return ModelShape(id=EmbeddingName.of(embedder).name, created=0, owned_by="tidemark")


def _chat_model(base: KnowledgeBase) -> ModelShape:
    created = int(base.created_at.timestamp())
    return ModelShape(id=CHAT + base.name, created=created, owned_by="tidemark")
