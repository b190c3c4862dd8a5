"""The embedder behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

from app.config import Settings
from app.embedding.cl100k import Cl100kTokens
from app.embedding.embedder import TokenCounter
from app.embedding.endpoint import NO_KEY, Endpoint
from app.embedding.known_models import known_model
from app.embedding.pacing import Pacer, Unpaced
from app.embedding.provider_error import provider_error
from app.embedding.providers import OPENAI_BASE, provider_at
from app.embedding.refusal import Refusal
from app.embedding.remote_function import HARMLESS, RemoteFunction, RemoteRecipe
from app.embedding.retries import FOR_DOCUMENTS, FOR_QUERIES, Retries
from app.embedding.spending import Meter, Unmetered
from app.embedding.vector_cache import NoCache, VectorCache
from app.errors import InvalidSetting


@dataclass
class RemoteEmbedder:
    """An `Embedder` whose model runs elsewhere; nothing is asked of it before it is needed."""

    endpoint: Endpoint
    recipe: RemoteRecipe
    asked_dimensions: int | None = None
    sends_dimensions: bool = False
    """Whether the model is known to cut its vectors to the width that it is asked for."""
    tokens: TokenCounter = field(default_factory=Cl100kTokens)
    retries: tuple[Retries, Retries] = (FOR_QUERIES, FOR_DOCUMENTS)
    """For queries, and for documents."""
    pacer: Pacer = field(default_factory=Unpaced)
    cache: VectorCache = field(default_factory=NoCache)
    meter: Meter = field(default_factory=Unmetered)
    _function: RemoteFunction | None = field(default=None, repr=False)
    _making: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def model(self) -> str:
        return f"openai/{self.endpoint.model}"

    @property
    def dimensions(self) -> int:
        """What the settings say, which every reply is held to; else the width of a first vector.

        Raises:
            ProviderError: the provider had to be asked, and did not tell.
        """
        return self.asked_dimensions or int(self.function.dimensions or 0)

    @property
    def max_tokens(self) -> int:
        return self.recipe.max_tokens

    @property
    def query_prefix(self) -> str:
        return self.recipe.query_prefix

    @property
    def document_prefix(self) -> str:
        return self.recipe.document_prefix

    @property
    def function(self) -> RemoteFunction:
        """Made once, and not before the width is known.

        Raises:
            ProviderError: as `dimensions`.
        """
        with self._making:
            if self._function is None:
                self._function = RemoteFunction(
                    self.endpoint,
                    self.recipe,
                    dimensions=self.asked_dimensions or self._probed_width(),
                    sends_dimensions=self.sends_dimensions and self.asked_dimensions is not None,
                    has_answered=self.asked_dimensions is None,
                    tokens=self.tokens,
                    retries=self.retries,
                    pacer=self.pacer,
                    cache=self.cache,
                    meter=self.meter,
                )
            return self._function

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, in a request of its own."""
        return self.function.get_query_embedding(text)

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of `texts`, in their order, in requests that the provider's limits allow."""
        return self.function.get_source_embeddings(list(texts)) if texts else []

    def _probed_width(self) -> int:
        """A provider's own page can be wrong about it, so a vector is asked for."""
        try:
            self.pacer.admit(1, urgent=True)
            probe = self.retries[0].run(lambda: self.endpoint.embed([HARMLESS], width=None))
        except Refusal as refusal:
            raise provider_error(refusal, self.endpoint) from refusal
        return int(probe.shape[1])


def make_remote_embedder(settings: Settings) -> RemoteEmbedder:
    """The embedder for `openai/<model>` at `TIDEMARK_EMBEDDING_API_BASE`, or at OpenAI without one.

    Raises:
        InvalidSetting: OpenAI's own endpoint, and no key for it.
    """
    name = settings.embedding_model.removeprefix("openai/")
    api_base = settings.embedding_api_base or OPENAI_BASE
    key = settings.embedding_api_key
    if key is None or not key.get_secret_value().strip():
        if settings.embedding_api_base is None:
            raise InvalidSetting(
                f"{settings.embedding_model} is served by OpenAI, which needs a key.",
                remedy="Set TIDEMARK_EMBEDDING_API_KEY, or TIDEMARK_EMBEDDING_API_BASE for another "
                "server.",
            )
        key = SecretStr(NO_KEY)
    known = known_model(name)
    query, document = settings.embedding_query_prefix, settings.embedding_document_prefix
    return RemoteEmbedder(
        endpoint=Endpoint(
            model=name,
            api_base=api_base,
            provider=provider_at(api_base),
            timeout=settings.embedding_timeout,
            api_key=key,
        ),
        recipe=RemoteRecipe(
            query_prefix=known.query_prefix if query is None else query,
            document_prefix=known.document_prefix if document is None else document,
            max_tokens=known.max_tokens,
        ),
        asked_dimensions=settings.embedding_dimensions,
        sends_dimensions=known.takes_dimensions,
    )
