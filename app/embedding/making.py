"""The one place where the settings choose an embedder."""

from __future__ import annotations

from collections.abc import Callable

from app.config import Settings
from app.embedding.embedder import Embedder
from app.embedding.local_models import make_local_embedder


def make_embedder(settings: Settings, announce: Callable[[str], None]) -> Embedder:
    """The embedder that `settings` name; `announce` is told, in words, of whatever takes long.

    A local model is loaded at once. A remote one is asked for its width when that is first needed.

    Raises:
        ModelUnavailable: the local model's files are missing, damaged, or cannot be run.
        InvalidSetting: settings that do not fit each other.
    """
    return make_local_embedder(settings, announce)
