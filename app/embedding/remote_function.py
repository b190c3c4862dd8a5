"""pytidb's embedding function for every OpenAI-compatible endpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr
from pytidb.embeddings import EmbeddingFunction

from app.embedding.embedder import TokenCounter
from app.embedding.endpoint import Endpoint
from app.embedding.function import SourceType, only_text
from app.embedding.pacing import Pacer
from app.embedding.provider_error import provider_error
from app.embedding.refusal import Refusal
from app.embedding.reply import WrongWidth
from app.embedding.retries import Retries
from app.embedding.spending import Meter, purpose
from app.embedding.text import encodable
from app.embedding.vector_cache import VectorCache, key_of
from app.embedding.vectors import plain
from app.telemetry import model_call

HARMLESS = "Tidemark"
"""A text that every model can embed: what is refused with it is not refused for the text's sake."""


@dataclass(frozen=True)
class RemoteRecipe:
    """What is done to a text before it is sent."""

    query_prefix: str
    document_prefix: str
    max_tokens: int
    """Longer texts are cut here: some servers would refuse them, others cut them without a word."""


class RemoteFunction(EmbeddingFunction):
    """A subclass that pytidb's tables call; it leaves nothing of a reply to chance.

    What pytidb's own does not do: it neither checks nor orders replies, sends all texts in one
    request, knows no prefixes, never sends `dimensions`, shows its key, and lets litellm retry
    unseen.

    Raises (all its methods):
        ProviderUnavailable: the provider is down, slow or over its limit, after the retries.
        ProviderError: the provider refused; the message has its words. TextRefused: one input is
        to blame, whose beginning it has. EmbeddingMismatch: its reply does not fit the request.
        BudgetSpent: bulk work would cost more than is left of the day's budget.
    """

    api_key: str | None = Field(None, repr=False, exclude=True)

    _endpoint: Endpoint = PrivateAttr()
    _recipe: RemoteRecipe = PrivateAttr()
    _tokens: TokenCounter = PrivateAttr()
    _retries: tuple[Retries, Retries] = PrivateAttr()
    _pacer: Pacer = PrivateAttr()
    _cache: VectorCache = PrivateAttr()
    _meter: Meter = PrivateAttr()
    _sends_dimensions: bool = PrivateAttr()
    _has_answered: bool = PrivateAttr()

    def __init__(
        self,
        endpoint: Endpoint,
        recipe: RemoteRecipe,
        *,
        dimensions: int,
        sends_dimensions: bool,
        has_answered: bool,
        tokens: TokenCounter,
        retries: tuple[Retries, Retries],
        pacer: Pacer,
        cache: VectorCache,
        meter: Meter,
    ) -> None:
        """`retries` are those for queries and for documents; `has_answered`: it gave its width."""
        super().__init__(
            model_name=f"openai/{endpoint.model}",
            dimensions=dimensions,  # given, because pytidb makes a request for it here otherwise
            api_key=endpoint.api_key.get_secret_value(),
            api_base=endpoint.api_base,
            timeout=None,  # the endpoint's own is a float, which pytidb's field is not
            caching=False,
            use_server=False,  # else the column becomes one that only TiDB Cloud Starter can fill
        )
        self._endpoint = endpoint
        self._recipe = recipe
        self._tokens = tokens
        self._retries = retries
        self._pacer = pacer
        self._cache = cache
        self._meter = meter
        self._sends_dimensions = sends_dimensions
        self._has_answered = has_answered

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> RemoteFunction:
        return self  # schemas copy their fields' details; connections are shared, not copied

    # Wider types would promise what `only_text` refuses: pytidb's images.
    def get_query_embedding(  # type: ignore[override]
        self, query: str, source_type: SourceType = "text", **_: object
    ) -> list[float]:
        only_text(source_type)
        text = self._readable(self._recipe.query_prefix, query)
        return plain(self._kept_or_asked([text], self._retries[0]))[0]

    def get_source_embedding(  # type: ignore[override]
        self, source: str, source_type: SourceType = "text", **_: object
    ) -> list[float]:
        return self.get_source_embeddings([source], source_type)[0]

    def get_source_embeddings(  # type: ignore[override]
        self, sources: list[str], source_type: SourceType = "text", **_: object
    ) -> list[list[float]]:
        only_text(source_type)
        texts = [self._readable(self._recipe.document_prefix, source) for source in sources]
        return self._call_embeddings_api(texts)

    def _call_embeddings_api(  # type: ignore[override]
        self,
        input: list[str],  # noqa: A002 - the name is pytidb's
        **_: object,
    ) -> list[list[float]]:
        """The vectors of `input` as it is, in requests that the provider's limits allow."""
        return plain(self._kept_or_asked(input, self._retries[1])) if input else []

    def _kept_or_asked(self, texts: Sequence[str], retries: Retries) -> NDArray[np.floating[Any]]:
        """Each text once, and only those whose vectors are not kept; each reply is kept at once."""
        keys = [
            key_of(self._endpoint.api_base, self._endpoint.model, self.dimensions or 0, text)
            for text in texts
        ]
        vectors = dict(self._cache.read(list(dict.fromkeys(keys))))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
        of_text = {text: key for key, text in missing.items()}

        def keep(texts: Sequence[str], asked: NDArray[np.float64]) -> None:
            found = zip(texts, asked.astype(np.float32), strict=True)
            new = {of_text[text]: vector for text, vector in found}
            self._cache.write(new)
            vectors.update(new)

        for batch in self._batches(list(of_text)):
            with model_call("embeddings", self._endpoint.model, local=False):
                self._embed(batch, retries, keep)
        return np.stack([vectors[key] for key in keys])

    def _readable(self, prefix: str, text: str) -> str:
        text = encodable(text)
        # A token is at least a byte, so a short text needs no counting.
        if len(text.encode()) > self._recipe.max_tokens:
            spans = self._tokens.offsets(text)
            if len(spans) > self._recipe.max_tokens:
                text = text[: spans[self._recipe.max_tokens - 1][1]]
        return prefix + text

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        limits = self._endpoint.provider.limits
        batch: list[str] = []
        tokens = 0
        for text in texts:
            size = self._tokens.count(text)
            if batch and (len(batch) == limits.inputs or tokens + size > limits.tokens):
                yield batch
                batch, tokens = [], 0
            batch.append(text)
            tokens += size
        if batch:
            yield batch

    def _embed(
        self,
        texts: Sequence[str],
        retries: Retries,
        keep: Callable[[Sequence[str], NDArray[np.float64]], None],
    ) -> None:
        """Give `keep` the texts' unit vectors; a batch that is refused is halved to find the fault.

        What was embedded before that is kept, so that no text is paid for twice.
        """
        try:
            keep(texts, retries.run(lambda: self._ask(texts, retries)))
        except Refusal as refusal:
            if not refusal.may_be_one_input or not self._takes_any_input(retries):
                raise provider_error(refusal, self._endpoint) from refusal
            if len(texts) == 1:
                raise provider_error(refusal, self._endpoint, texts[0]) from refusal
        else:
            return
        middle = len(texts) // 2
        for half in (texts[:middle], texts[middle:]):
            self._embed(half, retries, keep)

    def _takes_any_input(self, retries: Retries) -> bool:
        """Whether requests pass at all, so that the input may be what was wrong with one."""
        if not self._has_answered:
            try:
                retries.run(lambda: self._ask([HARMLESS], retries))
            except Refusal:
                return False
        return True

    def _ask(self, texts: Sequence[str], retries: Retries) -> NDArray[np.float64]:
        why, tokens = purpose(), Counter[int]()
        for text in texts:
            source = text.removeprefix(self._recipe.document_prefix)
            tokens[why.documents.get(source, 0)] += self._tokens.count(text)
        with self._meter.spending(tokens):
            self._pacer.admit(tokens.total(), urgent=retries is self._retries[0])
            try:
                vectors = self._asked(texts)
            except Refusal as refusal:
                if refusal.status == HTTPStatus.TOO_MANY_REQUESTS and refusal.pause:
                    self._pacer.hold(refusal.pause)
                raise
        why.tally.tokens += tokens.total()
        return vectors

    def _asked(self, texts: Sequence[str]) -> NDArray[np.float64]:
        sent = self.dimensions if self._sends_dimensions else None
        try:
            vectors = self._endpoint.embed(texts, width=self.dimensions, dimensions=sent)
        except WrongWidth:
            if self._sends_dimensions or self._has_answered:
                raise
            vectors = self._ask_for_width(texts)
        self._has_answered = True
        return vectors

    def _ask_for_width(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """A model nobody told us of may take `dimensions`; others answer 400, or ignore it."""
        try:
            vectors = self._endpoint.embed(texts, width=self.dimensions, dimensions=self.dimensions)
        except Refusal as refusal:
            raise WrongWidth(
                f"{self._endpoint.provider.name} has no vectors {self.dimensions} wide of "
                f"{self._endpoint.model}: {refusal.words}"
            ) from refusal
        self._sends_dimensions = True
        return vectors
