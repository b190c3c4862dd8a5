"""The one place where the settings choose a reranker."""

from __future__ import annotations

from pathlib import Path

from app.config import Settings
from app.embedding.processors import usable_processors
from app.errors import InvalidSetting
from app.retrieval.reranking.cross_encoder import CrossEncoder
from app.retrieval.reranking.endpoint import EndpointReranker
from app.retrieval.reranking.judge import Ask, JudgeReranker
from app.retrieval.reranking.reranker import Reranker, Reranking


def make_reranker(settings: Settings, ask: Ask | None) -> Reranking:
    """What `settings` name; `ask` is the chat model, if there is one.

    Raises:
        InvalidSetting: settings that do not fit each other.
        ModelUnavailable: a local model's files are missing or cannot be used.
    """
    if settings.rerank_model is None:
        return Reranking(None)
    kind, _, name = settings.rerank_model.partition("/")
    return Reranking(_made(settings, kind, name, ask), settings.rerank_timeout)


def _made(settings: Settings, kind: str, name: str, ask: Ask | None) -> Reranker:
    if kind == "local":
        encoder = CrossEncoder(
            Path(name).expanduser(),
            settings.threads or usable_processors(),
            settings.rerank_passages,
        )
        encoder.check()
        return encoder
    if kind == "chat":
        if ask is None or settings.chat_model is None:
            raise InvalidSetting(
                "TIDEMARK_RERANK_MODEL is chat, and there is no chat model.",
                remedy="Set TIDEMARK_CHAT_MODEL, or name another reranker.",
            )
        return JudgeReranker(settings.chat_model, ask, min(settings.rerank_passages, 10))
    if settings.rerank_api_base is None:
        raise InvalidSetting(
            "TIDEMARK_RERANK_MODEL names an endpoint's model, and there is no endpoint.",
            remedy="Set TIDEMARK_RERANK_API_BASE, to which /rerank is added.",
        )
    return EndpointReranker(
        name,
        settings.rerank_api_base,
        "texts" if kind == "tei" else "documents",
        settings.rerank_api_key,
        settings.rerank_timeout,
        settings.rerank_passages,
    )
