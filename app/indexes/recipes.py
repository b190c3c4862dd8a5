"""The recipes that new indexes can be made under: that of the settings, and what may be chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from app.config import Settings
from app.embedding.embedder import Embedder
from app.embedding.known_models import known_model
from app.errors import InvalidRequest, InvalidSetting
from app.indexes.embedders import Embedders, recipe_of
from app.indexes.recipe import Recipe


@dataclass(frozen=True)
class Choice:
    """What to make differently from the settings; what is None stays as they have it."""

    model: str | None = None
    dimensions: int | None = None
    query_prefix: str | None = None
    document_prefix: str | None = None
    chunk_tokens: int | None = None


@dataclass(frozen=True)
class Recipes:
    settings: Settings
    embedders: Embedders
    make: Callable[[Settings], Embedder]
    added: Callable[[], Collection[str]] = tuple
    """The models beside the one in the settings, as recipes name them."""

    def of_settings(self) -> Recipe:
        """The recipe that the settings say, which a knowledge base's first index is made under.

        Raises:
            ProviderError: a remote model had to be asked for its width, and did not tell.
        """
        return recipe_of(self.embedders.default, self.settings.chunk_tokens)

    def is_of_settings(self, recipe: Recipe) -> bool:
        """Whether the settings would make that recipe, as far as no provider need be asked.

        One for whole documents is for measuring, and is made whatever the settings say.
        """
        default, width = self.embedders.default, self.settings.embedding_dimensions
        tokens = min(self.settings.chunk_tokens, default.max_tokens)
        return (
            recipe.model == default.model
            and (recipe.query_prefix, recipe.document_prefix)
            == (default.query_prefix, default.document_prefix)
            and recipe.chunk_tokens in {None, tokens}
            and width in {None, recipe.dimensions}
        )

    def chosen(self, choice: Choice) -> Recipe:
        """The recipe of the settings with what `choice` has in its place; its model is loaded.

        Raises:
            InvalidRequest: the choice cannot be made with these settings.
            ModelUnavailable, ProviderError: the model cannot be had.
        """
        chunk_tokens = choice.chunk_tokens or self.settings.chunk_tokens
        least, most = 16, 8192
        if not least <= chunk_tokens <= most:
            raise InvalidRequest(
                f"A chunk cannot have {chunk_tokens} tokens.",
                remedy=f"Choose {least} to {most}.",
            )
        other = choice.model not in {None, self.settings.embedding_model, *self._default_names()}
        if other or choice.dimensions is not None:
            return self._of_other(choice, chunk_tokens)
        base = recipe_of(self.embedders.default, chunk_tokens)
        query, document = choice.query_prefix, choice.document_prefix
        return replace(
            base,
            query_prefix=base.query_prefix if query is None else query,
            document_prefix=base.document_prefix if document is None else document,
        )

    def require_offered(self, choice: Choice, in_use: Collection[str]) -> None:
        """Refuse a model that a caller over HTTP may not name: it could be any folder of the host.

        Those of the settings, those that were added and those of the knowledge base's indexes
        (`in_use`) may be, and any at the provider that the settings name.

        Raises:
            InvalidRequest
        """
        model = choice.model
        offered = {None, self.settings.embedding_model, *self._default_names(), *in_use}
        offered.update(self.added())
        remote = self.settings.embedding_api_base or self.settings.embedding_api_key
        if model not in offered and not (str(model).startswith("openai/") and remote):
            raise InvalidRequest(
                f"The model {str(model)[:80]!r} is not offered here.",
                remedy="Use one that is in use or in the settings; the command "
                "`tidemark index build` takes any.",
            )

    def _default_names(self) -> set[str]:
        return {self.embedders.default.model}

    def _of_other(self, choice: Choice, chunk_tokens: int) -> Recipe:
        model = choice.model or self.settings.embedding_model
        given = {
            "embedding_model": model,
            "embedding_dimensions": choice.dimensions,
            "embedding_query_prefix": choice.query_prefix,
            "embedding_document_prefix": choice.document_prefix,
        }
        if choice.dimensions is not None and model.startswith("openai/"):
            known = known_model(model)
            if known.pattern and not known.takes_dimensions:
                raise InvalidRequest(
                    f"{model} has vectors of one width.", remedy="Leave the width out."
                )
        try:
            # Checked as the environment would be, which a copy of settings is not.
            checked = Settings(**{**self.settings.model_dump(), **given}, _env_file=None)
            embedder = self.make(checked)
        except (ValueError, InvalidSetting) as refused:
            told = refused.message if isinstance(refused, InvalidSetting) else _first(refused)
            raise InvalidRequest(told, remedy="Choose a model, and a width that it has.") from None
        recipe = recipe_of(embedder, chunk_tokens)
        self.embedders.keep(recipe, embedder)
        return recipe


def settings_for(settings: Settings, recipe: Recipe) -> Settings:
    """The settings that make a recipe's embedder: those of today, but for what the recipe says."""
    return settings.model_copy(
        update={
            "embedding_model": recipe.model,
            "embedding_dimensions": recipe.dimensions,
            "embedding_query_prefix": recipe.query_prefix,
            "embedding_document_prefix": recipe.document_prefix,
        }
    )


def _first(refused: ValueError) -> str:
    return str(refused).splitlines()[-1].strip().removeprefix("Value error, ")
