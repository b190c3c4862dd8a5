"""Rerankers behind an endpoint: the two shapes that `/rerank` has in the world."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import httpx
from pydantic import SecretStr

from app.errors import ProviderError, ProviderUnavailable

Shape = Literal["documents", "texts"]
"""`documents` as Cohere, Jina and vLLM are asked; `texts` as Text Embeddings Inference (TEI) is."""

_REMEDIES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "Check TIDEMARK_RERANK_API_KEY.",
    HTTPStatus.FORBIDDEN: "Check what TIDEMARK_RERANK_API_KEY may be used for.",
    HTTPStatus.NOT_FOUND: "Check TIDEMARK_RERANK_API_BASE, to which /rerank is added, and "
    "TIDEMARK_RERANK_MODEL.",
}


@dataclass(frozen=True)
class EndpointReranker:
    """`POST {api_base}/rerank`.

    Protocols: docs.cohere.com/reference/rerank, api.jina.ai/redoc, docs.vllm.ai (rerank API), and
    huggingface.github.io/text-embeddings-inference.
    """

    model: str
    api_base: str
    shape: Shape = "documents"
    api_key: SecretStr | None = field(default=None, repr=False)
    timeout: float = 5.0
    most: int = 30

    @property
    def name(self) -> str:
        return self.model

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """See `Reranker.scores`."""
        headers = {}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key.get_secret_value()}"
        try:
            reply = httpx.post(
                f"{self.api_base}/rerank",
                json=self._asked(question, texts),
                headers=headers,
                timeout=self.timeout,
            )
        except httpx.TimeoutException as slow:
            raise ProviderUnavailable(
                f"{self.model} did not rerank within {self.timeout:g} s."
            ) from slow
        except httpx.HTTPError as failed:
            raise ProviderUnavailable(
                f"{self.model} at {self.api_base} cannot be reached ({type(failed).__name__})."
            ) from failed
        if reply.status_code != HTTPStatus.OK:
            raise self._refused(reply)
        return _scores(_json(reply, self.model), len(texts), self.model)

    def _asked(self, question: str, texts: Sequence[str]) -> dict[str, object]:
        if self.shape == "texts":
            return {"query": question, "texts": list(texts), "truncate": True}
        return {
            "model": self.model,
            "query": question,
            "documents": list(texts),
            "top_n": len(texts),
        }

    def _refused(self, reply: httpx.Response) -> ProviderError:
        # Its words may hold the passages or the key that it was sent: told is the status alone.
        phrase = reply.reason_phrase or "refused"
        said = f"{self.model} did not rerank: {phrase} (HTTP {reply.status_code})."
        passing = reply.status_code == HTTPStatus.TOO_MANY_REQUESTS or reply.is_server_error
        if passing:
            return ProviderUnavailable(said)
        return ProviderError(said, remedy=_REMEDIES.get(reply.status_code))


def _json(reply: httpx.Response, model: str) -> object:
    try:
        return reply.json()
    except ValueError as broken:
        raise ProviderError(f"{model} did not rerank: its reply is no JSON.") from broken


def _scores(reply: object, count: int, model: str) -> list[float]:
    """The scores in the order of what was sent: replies come best first, with an index each."""
    listed = reply
    if isinstance(reply, Mapping):
        listed = reply.get("results", reply.get("data"))
    scores: dict[int, float] = {}
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, Mapping):
            index = one.get("index")
            score = one.get("relevance_score", one.get("score"))
            if isinstance(index, int) and isinstance(score, int | float):
                scores[index] = float(score)
    if sorted(scores) != list(range(count)) or not all(map(math.isfinite, scores.values())):
        raise ProviderError(
            f"{model} did not rerank: its reply has no score for each of the {count} passages."
        )
    return [scores[index] for index in range(count)]
