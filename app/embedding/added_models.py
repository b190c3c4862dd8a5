"""Embedding models beside the one in the settings: where each is served, and what opens it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.config import Settings
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.embedding.embedder import Embedder
from app.embedding.tables import AddedModelRow
from app.embedding.vault import Vault
from app.errors import InvalidRequest, ModelExists, ModelNotFound

LONGEST = 200  # characters of a model's name and of its address


@dataclass(frozen=True)
class NewModel:
    """A model as it is asked for; `price` is US dollars for a million tokens."""

    name: str
    api_base: str
    key: SecretStr | None = None
    price: float | None = None


@dataclass(frozen=True)
class AddedModel:
    """A model that can be used; nothing of its key but whether there is one."""

    name: str
    api_base: str
    has_key: bool
    price: float | None
    added_at: datetime


@dataclass(frozen=True)
class AddedModels:
    """By name: one model is served in one place."""

    database: Database
    vault: Vault

    def add(self, asked: NewModel) -> None:
        """Keep a model; nothing is asked of its provider.

        Raises:
            InvalidRequest: a name, address or price that cannot be.
            ModelExists: there is one of that name.
        """
        checked(asked)
        sealed = None if asked.key is None else self.vault.seal(asked.key)

        def insert(session: Session) -> None:
            session.add(
                AddedModelRow(
                    name=asked.name,
                    api_base=asked.api_base.rstrip("/"),
                    sealed_key=sealed,
                    price=asked.price,
                    added_at=now(),
                )
            )

        try:
            self.database.transaction(insert)
        except IntegrityError as taken:
            raise ModelExists(f"The model {asked.name!r} has been added already.") from taken

    def list(self) -> tuple[AddedModel, ...]:
        """Every one, by name."""

        def read(session: Session) -> tuple[AddedModel, ...]:
            rows = session.scalars(select(AddedModelRow).order_by(AddedModelRow.name))
            return tuple(
                AddedModel(
                    row.name,
                    row.api_base,
                    row.sealed_key is not None,
                    row.price,
                    with_zone(row.added_at),
                )
                for row in rows
            )

        return self.database.transaction(read)

    def remove(self, name: str) -> None:
        """Raises ModelNotFound where there is none of that name."""
        gone = delete(AddedModelRow).where(AddedModelRow.name == name)

        def take(session: Session) -> int:
            return int(session.execute(gone).rowcount)  # type: ignore[attr-defined]

        if not self.database.transaction(take):
            raise ModelNotFound(f"There is no added model named {name[:100]!r}.")

    def names(self) -> tuple[str, ...]:
        """The models as settings and recipes name them."""
        return tuple(f"openai/{model.name}" for model in self.list())

    def settings_of(self, model: str, settings: Settings) -> Settings:
        """The settings under which `openai/<name>` is made: its own endpoint, if it was added.

        Raises:
            InvalidSetting: its key cannot be read.
        """
        row = self._row(model)
        if row is None:
            return settings
        key = None if row.sealed_key is None else self.vault.open(row.sealed_key)
        return endpoint_settings(NewModel(row.name, row.api_base, key, row.price), settings)

    def endpoint_of(self, model: str, settings: Settings) -> Settings:
        """The same without its key, for what is known of its provider."""
        row = self._row(model)
        if row is None or model == settings.embedding_model:
            return settings
        return endpoint_settings(NewModel(row.name, row.api_base, None, row.price), settings)

    def _row(self, model: str) -> AddedModelRow | None:
        def read(session: Session) -> AddedModelRow | None:
            row = session.get(AddedModelRow, model.removeprefix("openai/"))
            if row is not None:
                session.expunge(row)
            return row

        return self.database.transaction(read) if model.startswith("openai/") else None


@dataclass(frozen=True)
class AddedEmbedders:
    """The embedders of the added models, each made when it is first asked for."""

    models: AddedModels
    make: Callable[[str], Embedder]
    _made: dict[tuple[str, datetime], Embedder] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def of(self, name: str) -> Embedder | None:
        """The embedder of an added model; None where there is none of that name.

        Raises:
            InvalidSetting: its key cannot be read, or there is a budget and no price.
        """
        plain = name.removeprefix("openai/")
        found = next((model for model in self.models.list() if model.name == plain), None)
        if found is None:
            return None
        key = (found.name, found.added_at)  # removed and added again, it may be another
        with self._making:
            if key not in self._made:
                self._made[key] = self.make(f"openai/{found.name}")
            return self._made[key]


def settings_of_model(settings: Settings, model: str) -> Settings:
    """The settings with another model, without what was said of theirs."""
    return settings.model_copy(
        update={
            "embedding_model": model,
            "embedding_dimensions": None,
            "embedding_query_prefix": None,
            "embedding_document_prefix": None,
        }
    )


def endpoint_settings(model: NewModel, settings: Settings) -> Settings:
    """The settings with the endpoint of `model` in the place of their own, rate and price too."""
    return settings.model_copy(
        update={
            "embedding_model": f"openai/{model.name}",
            "embedding_api_base": model.api_base.rstrip("/"),
            "embedding_api_key": model.key,
            "embedding_price": model.price,
            "embedding_requests_per_minute": None,
            "embedding_tokens_per_minute": None,
        }
    )


def checked(asked: NewModel) -> None:
    """Refuse what could not be used.

    Raises:
        InvalidRequest: a name, address or price that cannot be.
    """
    if not asked.name or len(asked.name) > LONGEST or not asked.name.isprintable():
        raise InvalidRequest("The model has no name.", remedy="Name it as its provider does.")
    right = asked.api_base.startswith(("http://", "https://")) and "<" not in asked.api_base
    if not right or len(asked.api_base) > LONGEST or not asked.api_base.isprintable():
        raise InvalidRequest(
            f"{asked.api_base[:100]!r} is no address of a provider.",
            remedy="It begins with http:// or https://, and often ends in /v1.",
        )
    if asked.price is not None and asked.price < 0:
        raise InvalidRequest("A price cannot be below 0.", remedy="Leave it out, or give dollars.")
