"""What an embedding model's provider asks for its tokens, as its page says."""

from __future__ import annotations

from app.config import Settings
from app.embedding.providers import OPENAI_BASE, provider_at

MILLION = 1_000_000


def price(model: str, settings: Settings) -> float | None:
    """US dollars for a million tokens; 0 for a model on this machine, None where nobody knows.

    What the settings say goes for their own model; other prices are those of the provider's page.
    """
    if model.startswith("local/"):
        return 0.0
    if model == settings.embedding_model and settings.embedding_price is not None:
        return settings.embedding_price
    provider = provider_at(settings.embedding_api_base or OPENAI_BASE)
    return provider.models.get(model.removeprefix("openai/"))
