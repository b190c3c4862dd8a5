"""What a model's provider asks for its tokens, as litellm's table has it."""

from __future__ import annotations

import json
from functools import cache
from importlib import util
from pathlib import Path

from app.config import Settings
from app.embedding.providers import OPENAI_BASE


def price(model: str, settings: Settings) -> float | None:
    """US dollars for a million tokens; 0 for a model on this machine, None where nobody knows.

    Only OpenAI's own endpoint is known to ask OpenAI's prices.
    """
    if model.startswith("local/"):
        return 0.0
    if (settings.embedding_api_base or OPENAI_BASE) != OPENAI_BASE:
        return None
    asked = _prices().get(model.removeprefix("openai/"))
    return None if asked is None else asked * 1_000_000


@cache
def _prices() -> dict[str, float]:
    """By model; read from the file, for importing litellm takes seconds."""
    found = util.find_spec("litellm")
    if found is None or found.origin is None:
        return {}
    table = Path(found.origin).with_name("model_prices_and_context_window_backup.json")
    entries = json.loads(table.read_bytes())
    return {
        name: float(entry["input_cost_per_token"])
        for name, entry in entries.items()
        if entry.get("mode") == "embedding" and "input_cost_per_token" in entry
    }
