"""What all processes on one TiDB share of a model that runs elsewhere: rate, vectors, budget."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.config import Settings
from app.database.connection import Database
from app.embedding.embedder import Embedder
from app.embedding.ledger import Ledger, LedgerMeter
from app.embedding.pacer import SharedPacer, account_of
from app.embedding.prices import price
from app.embedding.providers import Rate
from app.embedding.remote import RemoteEmbedder
from app.embedding.vector_cache import TableCache
from app.errors import InvalidSetting


def share(embedder: Embedder, settings: Settings, database: Database) -> None:
    """Hold an embedder to its account's rate and budget, and let it ask for each text once.

    Raises:
        InvalidSetting: there is a budget, and nobody knows what the model costs.
    """
    if not isinstance(embedder, RemoteEmbedder):
        return
    if settings.embedding_cache_vectors:
        embedder.cache = TableCache(database, settings.embedding_cache_vectors)
    cost = price(embedder.model, settings)
    if settings.embedding_budget is not None and cost is None:
        raise InvalidSetting(
            f"TIDEMARK_EMBEDDING_BUDGET is set, and the price of {embedder.model} is not known.",
            remedy="Set TIDEMARK_EMBEDDING_PRICE to the US dollars for a million of its tokens.",
        )
    ledger = Ledger(database, settings.embedding_budget)
    embedder.meter = LedgerMeter(ledger, embedder.model, cost)
    provider = embedder.endpoint.provider
    rate = Rate(
        settings.embedding_requests_per_minute or provider.rate.requests,
        settings.embedding_tokens_per_minute or provider.rate.tokens,
    )
    if rate == Rate():
        return
    secret = "" if provider.keys_share else embedder.endpoint.api_key.get_secret_value()
    host = urlsplit(embedder.endpoint.api_base).netloc.rpartition("@")[2]
    largest = max(provider.limits.tokens, embedder.recipe.max_tokens)
    embedder.pacer = SharedPacer.of(database, account_of(host, secret), rate, largest)
