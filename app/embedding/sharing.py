"""What all processes on one TiDB share of a model that runs elsewhere: its rate, its vectors."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.config import Settings
from app.database.connection import Database
from app.embedding.embedder import Embedder
from app.embedding.pacer import SharedPacer, account_of
from app.embedding.providers import Rate
from app.embedding.remote import RemoteEmbedder
from app.embedding.vector_cache import TableCache


def share(embedder: Embedder, settings: Settings, database: Database) -> None:
    """Hold an embedder to the rate of its account, and let it ask for each text once."""
    if not isinstance(embedder, RemoteEmbedder):
        return
    if settings.embedding_cache_vectors:
        embedder.cache = TableCache(database, settings.embedding_cache_vectors)
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
