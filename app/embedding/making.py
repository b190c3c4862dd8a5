"""The one place where the settings choose an embedder."""

from __future__ import annotations

from collections.abc import Callable

from app.config import Settings
from app.embedding.embedder import Embedder
from app.embedding.local_models import make_local_embedder
from app.embedding.remote import RemoteEmbedder, make_remote_embedder


def make_embedder(settings: Settings, announce: Callable[[str], None]) -> Embedder:
    """The embedder that `settings` name; `announce` is told, in words, of whatever takes long.

    A local model is loaded at once. A remote one is asked for its width when that is first needed.

    Raises:
        ModelUnavailable: the local model's files are missing, damaged, or cannot be run.
        InvalidSetting: settings that do not fit each other.
    """
    if settings.embedding_model.startswith("local/"):
        return make_local_embedder(settings, announce)
    return make_remote_embedder(settings)


def warm_up(embedder: Embedder) -> None:
    """Do now what the first question would wait for, asking nothing of a provider yet.

    A local model is ready as it is made; litellm, which speaks to remote ones, takes seconds.
    """
    if isinstance(embedder, RemoteEmbedder):
        embedder.endpoint.load_client()
