"""One OpenAI-compatible embedding endpoint, spoken to through litellm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

# pytidb tells litellm, through the environment, not to fetch its table of prices: it has to come
# first.
import pytidb.embeddings  # noqa: F401
from numpy.typing import NDArray
from pydantic import SecretStr

from app.embedding.providers import Provider
from app.embedding.refusal import refusal_of
from app.embedding.reply import vectors_of

if TYPE_CHECKING:
    import openai

NO_KEY = "no-key"
"""What a server without keys is sent: the client refuses to speak without any."""


@dataclass(frozen=True)
class Endpoint:
    """Where a model is served, and what opens it."""

    model: str
    """The name it is served under, without `openai/`."""
    api_base: str
    provider: Provider
    timeout: float
    """Seconds for one reply."""
    api_key: SecretStr = field(default=SecretStr(NO_KEY), repr=False)

    def embed(
        self, texts: Sequence[str], *, width: int | None, dimensions: int | None = None
    ) -> NDArray[np.float64]:
        """Unit vectors `[texts, width]`, in one request; `dimensions` is sent where given.

        Raises:
            Refusal: the provider did not fulfil the request.
            EmbeddingMismatch: it did, and the reply cannot be used.
        """
        import litellm

        extra: dict[str, Any] = (
            {} if dimensions is None else {"extra_body": {"dimensions": dimensions}}
        )
        try:
            reply = litellm.embedding(
                model=f"openai/{self.model}",
                input=list(texts),
                api_base=self.api_base,
                api_key=self.api_key.get_secret_value(),
                timeout=self.timeout,
                encoding_format="float",
                caching=False,
                client=self._client,
                **extra,
            )
        except Exception as raised:  # litellm's exceptions share no base of their own
            secret = self.api_key.get_secret_value()
            raise refusal_of(raised, "" if secret == NO_KEY else secret, self.timeout) from raised
        return vectors_of(reply.data, count=len(texts), width=width, provider=self.provider.name)

    def load_client(self) -> None:
        """Load litellm and the OpenAI client: some seconds, some 100 MB."""
        _ = self._client

    @cached_property
    def _client(self) -> openai.OpenAI:
        import litellm
        import openai

        litellm.suppress_debug_info = True  # it prints advertisements for its tracker otherwise

        class Once(openai.OpenAI):
            """litellm takes `max_retries=0` for unset and puts 2 in its place (1.106,
            openai.py:1368).

            Three times the timeout would then pass before we heard of the first failure.
            """

            @property
            def max_retries(self) -> int:
                return 0

            @max_retries.setter
            def max_retries(self, _: int) -> None:
                pass

        return Once(
            api_key=self.api_key.get_secret_value(), base_url=self.api_base, timeout=self.timeout
        )
