"""The embedder that an index's recipe names, which need not be the one in the settings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from app.embedding.embedder import Embedder
from app.indexes.recipe import Recipe


def recipe_of(embedder: Embedder, chunk_tokens: int | None) -> Recipe:
    """The recipe for new indexes; a chunk is never longer than what the model reads."""
    return Recipe(
        model=embedder.model,
        dimensions=embedder.dimensions,
        query_prefix=embedder.query_prefix,
        document_prefix=embedder.document_prefix,
        chunk_tokens=None if chunk_tokens is None else min(chunk_tokens, embedder.max_tokens),
    )


@dataclass(frozen=True)
class Embedders:
    """Makes each embedder once. `make` loads the one that a recipe names.

    `default` is the one in the settings. Nothing is asked of it before it is needed: the width of a
    remote model comes from its provider, which may be down while Tidemark starts.
    """

    make: Callable[[Recipe], Embedder]
    default: Embedder
    _made: dict[tuple[str, int, str, str], Embedder] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def of(self, recipe: Recipe) -> Embedder:
        """The embedder of `recipe`; chunking makes no difference to it.

        Raises:
            ModelUnavailable, ProviderError: the recipe's model cannot be had with today's settings.
        """
        key = _key(recipe)
        made = self._made.get(key)
        if made is not None:  # not to wait while another one is loaded
            return made
        with self._making:
            if key not in self._made:
                self._made[key] = self.default if self._is_default(recipe) else self.make(recipe)
            return self._made[key]

    def keep(self, recipe: Recipe, embedder: Embedder) -> None:
        """Let `of` give this embedder for the recipe, which was made from it."""
        with self._making:
            self._made.setdefault(_key(recipe), embedder)

    def _is_default(self, recipe: Recipe) -> bool:
        return (
            self.default.model == recipe.model
            and self.default.query_prefix == recipe.query_prefix
            and self.default.document_prefix == recipe.document_prefix
            and self.default.dimensions == recipe.dimensions
        )


def _key(recipe: Recipe) -> tuple[str, int, str, str]:
    return recipe.model, recipe.dimensions, recipe.query_prefix, recipe.document_prefix
