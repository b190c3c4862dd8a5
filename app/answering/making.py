"""The one place where the settings choose the chat model, and what is asked where it fails."""

from __future__ import annotations

from pydantic import SecretStr

from app.answering.chat_model import NO_KEY, ChatModel
from app.answering.generator import Generator, WithFallback
from app.answering.prices import Prices, known_prices
from app.config import Settings


def make_generator(settings: Settings) -> Generator | None:
    """The chat model that `settings` name; without one, answers are extracts."""
    models = chat_models(settings)
    return WithFallback(models[0], models[1]) if len(models) > 1 else models[0] if models else None


def chat_models(settings: Settings) -> list[ChatModel]:
    """The chat model that `settings` name, and the one that is asked where it fails, if any."""
    if settings.chat_model is None:
        return []
    key = settings.chat_api_key or SecretStr(NO_KEY)
    first = ChatModel(
        settings.chat_model,
        settings.chat_api_base,
        key,
        settings.chat_timeout,
        prices=prices_of(settings, settings.chat_model, settings.chat_api_base),
    )
    if settings.chat_fallback_model is None:
        return [first]
    name = settings.chat_fallback_model
    base = settings.chat_fallback_api_base or settings.chat_api_base
    # A key is shown to nobody but the endpoint that it was given for.
    shared = is_one_endpoint((first.model, first.api_base), (name, base))
    own = settings.chat_fallback_api_key or (key if shared else SecretStr(NO_KEY))
    prices = known_prices(name, base)
    return [first, ChatModel(name, base, own, settings.chat_timeout, prices=prices)]


def is_one_endpoint(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    """Whether two models, each with its address, are asked at one endpoint.

    Without an address that is the provider's own, whose name stands before the model's.
    """
    (model, base), (other_model, other_base) = one, other
    same_provider = model.partition("/")[0] == other_model.partition("/")[0]
    return (base or None) == (other_base or None) and (bool(base) or same_provider)


def prices_of(settings: Settings, model: str, api_base: str | None) -> Prices | None:
    """The prices that the settings name, or else those that are known."""
    read, written = settings.chat_input_price, settings.chat_output_price
    if read is not None and written is not None:
        return Prices(read, written)
    return known_prices(model, api_base)
