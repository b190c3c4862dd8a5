"""A refusal in the words that a person reads."""

from __future__ import annotations

from app.embedding.endpoint import Endpoint
from app.embedding.refusal import Refusal
from app.errors import ProviderError, ProviderUnavailable, TextRefused

_BEGINNING = 40  # characters of a text, enough to find it by

_REMEDIES = {
    401: "Check TIDEMARK_EMBEDDING_API_KEY.",
    402: "Check the account at the provider.",
    403: "Check what TIDEMARK_EMBEDDING_API_KEY may be used for.",
    404: "Check TIDEMARK_EMBEDDING_MODEL, and that TIDEMARK_EMBEDDING_API_BASE ends as the "
    "provider says, often in /v1. Ollama has to `ollama pull` a model first.",
    429: "Check the account's quota at the provider.",
}


def provider_error(refusal: Refusal, endpoint: Endpoint, text: str | None = None) -> ProviderError:
    """Who refused what, and what to do; `text` is the one input to blame, where it is known."""
    who, model = endpoint.provider.name, endpoint.model
    status = f" (HTTP {refusal.status})" if refusal.status else ""
    words = refusal.words.rstrip(".") + status
    if refusal.may_pass:
        asked = f"; it asks to wait {refusal.pause:.0f} s" if refusal.pause else ""
        return ProviderUnavailable(f"{who} cannot embed with {model} now: {words}{asked}.")
    if text is None:
        remedy = _REMEDIES.get(refusal.status or 0)
        return ProviderError(f"{who} refused to embed with {model}: {words}.", remedy=remedy)
    beginning = repr(text[:_BEGINNING]) + ("…" if len(text) > _BEGINNING else "")
    return TextRefused(
        f"{who} refused to embed the text that begins {beginning} with {model}: {words}.",
        remedy="Change that text, or make chunks smaller with TIDEMARK_CHUNK_TOKENS.",
    )
