"""Embedding models beside that of the settings: tried, kept, and let go of."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.config import Settings
from app.embedding.added_models import AddedModels, NewModel, checked, endpoint_settings
from app.embedding.making import make_embedder
from app.embedding.preflight import Preflight, preflight
from app.embedding.prices import price
from app.errors import InvalidRequest, ModelExists, ModelInUse, ModelNotFound
from app.indexes.store import IndexStore


@dataclass(frozen=True)
class Tried:
    """What a pre-flight found; `price` is US dollars for a million tokens, None if unknown."""

    found: Preflight
    price: float | None


@dataclass(frozen=True)
class KeepingModels:
    settings: Settings
    models: AddedModels
    indexes: IndexStore

    def try_new(self, asked: NewModel) -> Tried:
        """Ask a model for a few vectors, which costs about 250 tokens; nothing is kept.

        Raises:
            InvalidRequest: a name, address or price that cannot be.
        """
        checked(asked)
        return self._tried(endpoint_settings(asked, self.settings))

    def try_added(self, name: str) -> Tried:
        """The same for one that was added, with its key.

        Raises:
            ModelNotFound: there is none of that name.
            InvalidSetting: its key cannot be read.
        """
        if not any(each.name == name for each in self.models.list()):
            raise ModelNotFound(f"There is no added model named {name[:100]!r}.")
        return self._tried(self.models.settings_of(f"openai/{name}", self.settings))

    def add(self, asked: NewModel) -> Tried:
        """Try a model, and keep it if it can be used.

        Raises:
            InvalidRequest: a name, address or price that cannot be.
            ModelExists: there is one of that name.
        """
        if any(each.name == asked.name for each in self.models.list()):
            raise ModelExists(f"The model {asked.name[:100]!r} has been added already.")
        tried = self.try_new(asked)
        if tried.found.problem is None:
            self.models.add(asked)
        return tried

    def remove(self, name: str) -> None:
        """Forget a model and its key.

        Raises:
            ModelNotFound: there is none of that name.
            ModelInUse: an index was made with it, which could embed nothing more without it.
        """
        model = f"openai/{name}"
        using = () if model == self.settings.embedding_model else self.indexes.using(model)
        if using and any(each.name == name for each in self.models.list()):
            bases = sorted({base for base, _ in using})
            more = f" and {len(bases) - 3} more" if bases[3:] else ""
            raise ModelInUse(
                f"The model {name[:100]!r} is that of an index of {', '.join(bases[:3])}{more}."
            )
        self.models.remove(name)

    def _tried(self, settings: Settings) -> Tried:
        """Without the vectors that are kept: it is to be told how long they take."""
        plain = settings.model_copy(
            update={
                "embedding_dimensions": None,
                "embedding_query_prefix": None,
                "embedding_document_prefix": None,
            }
        )
        asked = price(plain.embedding_model, plain)
        return Tried(preflight(make_embedder(plain, lambda _: None)), asked)


def dollars_of(given: str) -> float | None:
    """US dollars for a million tokens, as a person types them; None where nothing is typed.

    Raises:
        InvalidRequest: it is no number.
    """
    if not given.strip():
        return None
    try:
        asked = float(given)
    except ValueError:
        asked = math.nan
    if not math.isfinite(asked):
        raise InvalidRequest(
            f"{given[:20]!r} is no price.", remedy="Give US dollars for a million tokens: 0.02."
        )
    return asked
