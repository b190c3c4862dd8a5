"""Whether a chat model can be used, tried before anything depends on it; and if not, what is wrong.

A provider's own words are often of no help: a wrong path is "Not Found", and so is a wrong model.
So its list of models is asked for first, which tells the one from the other.
"""

from __future__ import annotations

import difflib
import time
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus

import httpx

from app.answering.chat_model import NO_KEY, ChatModel
from app.answering.prompt import Message
from app.embedding.providers import OPENAI_BASE
from app.errors import ProviderError, ProviderUnavailable

TIMEOUT = 20.0  # seconds for each of the two requests
NAMES_SHOWN = 8
_KEY_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def tried(model: ChatModel) -> str:
    """What a short conversation with the model showed, in a sentence.

    Costs a few tokens, and at most two requests more.

    Raises:
        ProviderError, ProviderUnavailable: the address, the key or the model's name is wrong, or
            the provider does not answer; the message says which, the remedy what to do.
    """
    names = _models(model) if model.model.startswith("openai/") else None
    unknown = names is not None and not _is_among(model.model.removeprefix("openai/"), names)
    try:
        return _spoken(model)
    except ProviderUnavailable:
        raise
    except ProviderError as refused:
        # A list may be kept short; only where the model is refused as well is its name to blame.
        if names is not None and unknown:
            raise _unknown(model, names) from refused
        raise


def _spoken(model: ChatModel) -> str:
    began = time.perf_counter()
    first, text = None, ""
    asked = [Message("user", "Answer with the one word: yes")]
    with closing(replace(model, attempts=1, timeout=TIMEOUT).stream(asked)) as pieces:
        for piece in pieces:
            if isinstance(piece, str):
                first = first or time.perf_counter() - began
                text += piece
    said = " ".join(text.split())[:40]
    return f"{model.model} answered {said!r}, its first word after {first or 0:.1f} s"


def _base(model: ChatModel) -> str:
    return (model.api_base or OPENAI_BASE).rstrip("/")


def _models(model: ChatModel) -> list[str] | None:
    """The names of the models that there are; None where the endpoint has no list of them.

    Raises:
        ProviderError, ProviderUnavailable: the address or the key is wrong.
    """
    base = _base(model)
    secret = model.api_key.get_secret_value()
    if secret == NO_KEY and model.api_base is None:
        raise ProviderError(
            "No key is set, and OpenAI answers nobody without one.",
            remedy="Set TIDEMARK_CHAT_API_KEY, or TIDEMARK_CHAT_API_BASE for another endpoint.",
        )
    if not secret.isascii() or secret != secret.strip() or any(map(str.isspace, secret)):
        raise ProviderError(
            "The key has spaces, line ends or letters that no key has.",
            remedy="Copy it again: nothing before it, nothing after it, no quotation marks.",
        )
    reply = _get(base, secret)
    if reply.status_code in _KEY_REFUSED:
        raise ProviderError(
            f"{base} does not accept the key (HTTP {reply.status_code})."
            if secret != NO_KEY
            else f"{base} wants a key (HTTP {reply.status_code}), and none is set.",
            remedy="Check TIDEMARK_CHAT_API_KEY: that it is whole, of this provider, and in force.",
        )
    names = _names(reply)
    if names is None and not base.endswith("/v1"):
        with_version = f"{base}/v1"
        if _names(_get(with_version, secret)) is not None:
            raise ProviderError(
                f"{base} is not the address of an OpenAI-compatible endpoint; {with_version} is.",
                remedy=f"Set TIDEMARK_CHAT_API_BASE={with_version}.",
            )
    return names


def _is_among(name: str, names: list[str]) -> bool:
    """Whether the model is listed: Ollama adds a tag, and others put a folder before it."""
    return any(each in {name, f"{name}:latest"} or each.endswith(f"/{name}") for each in names)


def _unknown(model: ChatModel, names: list[str]) -> ProviderError:
    name = model.model.removeprefix("openai/")
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    listed = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
    remedy = (
        "Name one of these in TIDEMARK_CHAT_MODEL, after openai/; "
        "Ollama has to `ollama pull` a model first."
    )
    return ProviderError(
        f"{_base(model)} has no model {name!r}. It has: {listed or 'none at all'}.",
        remedy=f"Did you mean openai/{near[0]}?" if near else remedy,
    )


def _get(base: str, secret: str) -> httpx.Response:
    """The reply to a request for the list of models.

    Raises:
        ProviderUnavailable: there is none.
    """
    headers = {} if secret == NO_KEY else {"authorization": f"Bearer {secret}"}
    try:
        return httpx.get(f"{base}/models", headers=headers, timeout=TIMEOUT)
    except httpx.TimeoutException as slow:
        raise ProviderUnavailable(
            f"{base} takes the connection and does not answer within {TIMEOUT:g} s.",
            remedy="Check that the address and its port are those of the model's server.",
        ) from slow
    except (httpx.HTTPError, httpx.InvalidURL) as gone:
        reason = str(gone).replace(secret, "…") or type(gone).__name__
        raise ProviderUnavailable(
            f"Nobody answers at {base}: {reason}.",
            remedy="Check the address and its port, and that the server runs and can be reached "
            "from this machine.",
        ) from gone


def _names(reply: httpx.Response) -> list[str] | None:
    """The models that the reply lists (OpenAI's shape); None where it is no such list."""
    try:
        listed = reply.json()["data"]
        return [str(each["id"]) for each in listed] if reply.is_success else None
    except (ValueError, KeyError, TypeError):
        return None
