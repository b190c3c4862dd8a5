"""What chat models cost, and how much they read, as litellm's table has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any

from app.answering.prompt import WINDOW
from app.config import Settings
from app.embedding.providers import OPENAI_BASE

MILLION = 1_000_000
LARGEST_WINDOW = 128_000
"""Tokens beyond which no prompt grows: `top_k` passages are far fewer."""


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens that are read, and that are written."""

    read: float
    written: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What a call cost, in US dollars."""
        return (self.read * prompt_tokens + self.written * completion_tokens) / MILLION


def known_prices(model: str, api_base: str | None) -> Prices | None:
    """What the provider asks; None where nobody knows, as for any endpoint of one's own."""
    entry = _entry(model, api_base)
    read, written = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if read is None or written is None:
        return None
    return Prices(float(read) * MILLION, float(written) * MILLION)


def window_of(settings: Settings) -> int:
    """Tokens that the chat model of `settings` reads, its answer included.

    With a second model, the smaller of both: a prompt is made once.
    """
    if settings.chat_window is not None:
        return settings.chat_window
    if settings.chat_model is None:
        return WINDOW
    base = settings.chat_api_base
    models = [(settings.chat_model, base)]
    if settings.chat_fallback_model is not None:
        models.append((settings.chat_fallback_model, settings.chat_fallback_api_base or base))
    known = (_entry(model, there).get("max_input_tokens") for model, there in models)
    return min(int(each) if each else WINDOW for each in [*known, LARGEST_WINDOW])


def _entry(model: str, api_base: str | None) -> Mapping[str, Any]:
    if (api_base or OPENAI_BASE).rstrip("/") != OPENAI_BASE:
        return {}  # another's model may bear any name
    return _table().get(model.removeprefix("openai/"), {})


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    """Chat models by name; read from the file, for importing litellm takes seconds."""
    found = util.find_spec("litellm")
    if found is None or found.origin is None:
        return {}
    table = Path(found.origin).with_name("model_prices_and_context_window_backup.json")
    entries = json.loads(table.read_bytes())
    return {name: entry for name, entry in entries.items() if entry.get("mode") == "chat"}
