"""The chat model that an administrator chose on its page, where the settings name none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.orm import Session

from app.answering.generator import Generator
from app.answering.making import is_one_endpoint
from app.answering.tables import ChosenModelRow
from app.config import Settings
from app.database.connection import Database
from app.database.tables import now
from app.embedding.vault import Vault

ONLY = 1
"""The id of the row: there is one model, or none."""

_CHOSEN = select(ChosenModelRow.__table__)


@dataclass(frozen=True)
class Chosen:
    """What was chosen; nothing of the key but whether there is one."""

    model: str
    api_base: str | None
    has_key: bool


@dataclass(frozen=True)
class ChosenModel:
    """Kept in TiDB, so that every process answers with it from the next question on.

    A model in the settings comes first: who runs Tidemark decides, and this is then not asked for.
    """

    database: Database
    vault: Vault
    settings: Settings
    make: Callable[[Settings], Generator | None]
    _made: dict[datetime, Generator | None] = field(default_factory=dict)

    def choose(self, model: str, api_base: str | None, key: SecretStr | None) -> None:
        """Take this model; it has been tried. Without `key` the endpoint asks for none."""
        sealed = None if key is None else self.vault.seal(key)
        chosen = {"model": model, "api_base": api_base, "sealed_key": sealed, "chosen_at": now()}
        # Not read and then written: of two who choose at once, the second takes the first's place.
        put = insert(ChosenModelRow).values(id=ONLY, **chosen).on_duplicate_key_update(chosen)
        self.database.transaction(lambda session: session.execute(put) and None)

    def forget(self) -> None:
        """Answer with extracts again; the key is gone too."""

        def remove(session: Session) -> None:
            session.execute(delete(ChosenModelRow).where(ChosenModelRow.id == ONLY))

        self.database.transaction(remove)

    def chosen(self) -> Chosen | None:
        """What was chosen, whether or not the settings overrule it."""
        row = self._row()
        return row and Chosen(row.model, row.api_base, row.sealed_key is not None)

    def generator(self) -> Generator | None:
        """The chosen model; None where the settings name one, or none was chosen.

        Raises:
            InvalidSetting: its key cannot be read.
        """
        row = self._answering()
        if row is None:
            return None
        made = self._made.get(row.chosen_at)
        if made is None:
            made = self.make(self._settings_of(row))
            self._made.clear()  # of another choice, which somebody may still hold
            self._made[row.chosen_at] = made
        return made

    def settings_in_use(self) -> Settings:
        """The settings with the chat model that answers, for what is known of it; not its key."""
        row = self._answering()
        return self.settings if row is None else self._settings_of(row, opened=False)

    def settings_with_key(self) -> Settings:
        """The same with its key.

        Raises:
            InvalidSetting: it cannot be read.
        """
        row = self._answering()
        return self.settings if row is None else self._settings_of(row)

    def key_for(self, model: str, api_base: str | None) -> SecretStr | None:
        """The key in use, for its own endpoint alone.

        Raises:
            InvalidSetting: it cannot be read.
        """
        used = self.settings_with_key()
        own = is_one_endpoint((used.chat_model or model, used.chat_api_base), (model, api_base))
        return used.chat_api_key if own else None

    def _answering(self) -> Row[Any] | None:
        return None if self.settings.chat_model is not None else self._row()

    def _row(self) -> Row[Any] | None:
        return next(iter(self.database.read(_CHOSEN)), None)

    def _settings_of(self, row: Row[Any], *, opened: bool = True) -> Settings:
        key = self.vault.open(row.sealed_key) if opened and row.sealed_key is not None else None
        return self.settings.model_copy(
            update={"chat_model": row.model, "chat_api_base": row.api_base, "chat_api_key": key}
        )
