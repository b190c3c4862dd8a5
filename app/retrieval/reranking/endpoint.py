"""Rerankers behind an endpoint: the two shapes that `/rerank` has in the world."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import httpx
from pydantic import SecretStr

from app.errors import ProviderError, ProviderUnavailable

Shape = Literal["documents", "texts"]
"""`documents` as Cohere, Jina and vLLM are asked; `texts` as Text Embeddings Inference (TEI) is."""

LONGEST_REPLY = 4 * 2**20  # bytes; some send the passages back
HIGHEST = 1e30  # what is beyond, or is no number, is no score

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
            with httpx.stream(
                "POST",
                f"{self.api_base}/rerank",
                json=self._asked(question, texts),
                headers=headers,
                timeout=self.timeout,
            ) as reply:
                if reply.status_code != HTTPStatus.OK:
                    raise self._refused(reply)
                body = self._read(reply)
        except httpx.TimeoutException as slow:
            raise self._slow() from slow
        except (httpx.HTTPError, httpx.InvalidURL) as failed:
            raise ProviderUnavailable(
                f"{self.model} at {self.api_base} cannot be reached ({type(failed).__name__})."
            ) from failed
        return _scores(_json(body, self.model), len(texts), self.model)

    def _read(self, reply: httpx.Response) -> bytes:
        """The whole body; one that trickles or does not end is given up."""
        until = time.monotonic() + self.timeout
        body = bytearray()
        for part in reply.iter_bytes():
            body += part
            if time.monotonic() > until:
                raise self._slow()
            if len(body) > LONGEST_REPLY:
                raise ProviderError(
                    f"{self.model} did not rerank: its reply is longer than "
                    f"{LONGEST_REPLY // 2**20} MiB."
                )
        return bytes(body)

    def _slow(self) -> ProviderUnavailable:
        return ProviderUnavailable(f"{self.model} did not rerank within {self.timeout:g} s.")

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


def _json(body: bytes, model: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as broken:
        raise ProviderError(f"{model} did not rerank: its reply is no JSON.") from broken


def _scores(reply: object, count: int, model: str) -> list[float]:
    """The scores in the order of what was sent: replies come best first, with an index each."""
    listed = reply
    if isinstance(reply, Mapping):
        listed = reply.get("results", reply.get("data"))
    scores: list[tuple[int, float]] = []
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, Mapping):
            index = one.get("index")
            score = one.get("relevance_score", one.get("score"))
            if isinstance(index, int) and isinstance(score, int | float) and abs(score) < HIGHEST:
                scores.append((index, float(score)))
    # Two scores of one passage are as bad as none.
    if sorted(index for index, _ in scores) != list(range(count)):
        raise ProviderError(
            f"{model} did not rerank: its reply has no one score for each of the {count} passages."
        )
    return [score for _, score in sorted(scores)]
