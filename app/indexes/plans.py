"""What a build would do and cost, before it costs anything."""

from __future__ import annotations

from dataclasses import dataclass

from app.indexes.recipe import Recipe
from app.indexes.reports import IndexReport

CHARACTERS_A_TOKEN = 4  # of English prose, about; what a provider counts is known only afterwards


@dataclass(frozen=True)
class BuildPlan:
    """Estimates: `chunks` in all, of which `embedded` are sent to the model, as `tokens`.

    `price` is US dollars for a million tokens; None where nobody knows it.
    """

    recipe: Recipe
    revisions: int
    chunks: int
    embedded: int
    tokens: int
    price: float | None

    @property
    def cost(self) -> float | None:
        """US dollars."""
        return None if self.price is None else cost(self.tokens, self.price)


def cost(tokens: int, price: float) -> float:
    """US dollars of so many tokens."""
    return tokens * price / 1_000_000


def planned(recipe: Recipe, active: IndexReport, price: float | None) -> BuildPlan:
    """The plan for an index under `recipe` beside the active one."""
    now = active.index.recipe
    longer = 1.0
    if recipe.chunk_tokens and now.chunk_tokens:
        longer = recipe.chunk_tokens / now.chunk_tokens
    reused = recipe.takes_vectors_of(now) and recipe.chunk_tokens == now.chunk_tokens
    chunks = max(round(active.chunks / longer), active.expected.revisions)
    return BuildPlan(
        recipe=recipe,
        revisions=active.expected.revisions,
        chunks=chunks,
        embedded=0 if reused else chunks,
        tokens=0 if reused else active.of_characters // CHARACTERS_A_TOKEN,
        price=price,
    )
