"""What a build would do and cost, before it costs anything."""

from __future__ import annotations

from dataclasses import dataclass

from app.indexes.recipe import Recipe


@dataclass(frozen=True)
class BuildPlan:
    """Estimates: `chunks` in all, of which `embedded` are sent to the model, as `tokens`.

    A text that several documents share is sent once, which is not looked for here.

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
