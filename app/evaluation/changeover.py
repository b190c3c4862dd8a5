"""Changing a knowledge base's embedding model: what every door does with indexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.documents.model import KnowledgeBase
from app.errors import IndexConflict, TidemarkError
from app.evaluation.comparison import Comparer, Comparison, Report
from app.indexes.builds import BuildStore
from app.indexes.index import BUILT, Index, IndexState
from app.indexes.plans import BuildPlan, cost
from app.indexes.recipe import Recipe
from app.indexes.recipes import Choice, Recipes
from app.indexes.refusals import Refusals
from app.indexes.reports import IndexReport, IndexReports
from app.indexes.store import IndexStore
from app.indexes.switch import Switch
from app.ingestion.job_control import JobControl
from app.ingestion.planning import Planner
from app.retrieval.query import Mode

SEARCHABLE = frozenset({IndexState.ACTIVE, *BUILT})


@dataclass(frozen=True)
class Changeover:
    """Reads, plans, builds and compares; `switch` has the verbs that need no more than an id.

    `trusted` is False for callers over HTTP, who may not name any folder as a model. `price` is in
    US dollars for a million tokens of a model; None where nobody knows it.
    """

    indexes: IndexStore
    recipes: Recipes
    reports: IndexReports
    builds: BuildStore
    switch: Switch
    refusals: Refusals
    job_control: JobControl
    planner: Planner
    comparer: Comparer
    price: Callable[[str], float | None]
    trusted: bool = False

    def by_operator(self) -> Changeover:
        """The same for whoever runs Tidemark: any model of this machine may be named."""
        return replace(self, trusted=True)

    def settings_recipe(self) -> Recipe | None:
        """What the settings would make; None where their model cannot be asked for its width."""
        try:
            return self.recipes.of_settings()
        except TidemarkError:
            return None

    def active(self, base: KnowledgeBase) -> IndexReport:
        """The index that is searched.

        Raises:
            IndexConflict: there is none yet.
        """
        for report in self.reports.of(base.id):
            if report.index.state == IndexState.ACTIVE:
                return report
        raise IndexConflict(
            "The knowledge base has no index yet.",
            remedy="Its first document gets one under the recipe of the settings.",
        )

    def plan(self, base: KnowledgeBase, choice: Choice) -> BuildPlan:
        """What building an index would do and cost; nothing is begun.

        Raises:
            InvalidRequest, ModelUnavailable, ProviderError: as `Recipes.chosen`.
        """
        active = self.active(base).index.recipe
        recipe = self._chosen(base, choice)
        return self.planner.plan(base.id, active, recipe, self.price(recipe.model))

    def build(self, base: KnowledgeBase, choice: Choice, margin: float | None = None) -> int:
        """Begin an index beside the active one, and give its id; `margin` schedules its promotion.

        Raises:
            IndexConflict, InvalidRequest, ModelUnavailable, ProviderError
        """
        return self.builds.start(base.id, self._chosen(base, choice), margin).id

    def compare(
        self,
        base: KnowledgeBase,
        index_id: int,
        mode: Mode = Mode.HYBRID,
        report: Report = lambda _done, _of: None,
    ) -> Comparison:
        """Ask the index and the active one the same questions, and keep what came of it.

        Raises:
            IndexNotFound
            IndexConflict: the index is the active one, or is not complete.
        """
        before = self.active(base).index
        if before.id == index_id:
            raise IndexConflict(
                f"Index {index_id} is the active one: there is nothing to compare it with.",
                remedy="Compare another index with it.",
            )
        after = self.searchable(base, index_id)
        comparison = self.comparer.compare(base, before, after, mode, report)
        self.reports.keep_comparison(index_id, comparison.dump())
        return comparison

    def searchable(self, base: KnowledgeBase, index_id: int) -> Index:
        """An index that holds all that it can.

        Raises:
            IndexNotFound
            IndexConflict: it does not.
        """
        index = self.indexes.get(base.id, index_id)
        if index.state not in SEARCHABLE:
            raise IndexConflict(
                f"Index {index_id} is {index.state}: what it finds would say little yet.",
                remedy="Wait until it is ready.",
            )
        return index

    def resume(self, base: KnowledgeBase, index_id: int) -> None:
        """Go on with a build, and try again what the index's model refused, the active one's too.

        Raises:
            IndexNotFound
            IndexConflict: nothing is left to build, and nothing was refused.
        """
        active = self.indexes.get(base.id, index_id).state == IndexState.ACTIVE
        if not active or not self.job_control.retry_refused(base, index_id):
            self.switch.resume(base.id, index_id)

    def cost(self, report: IndexReport) -> float | None:
        """US dollars that an index's build has cost so far; None where the price is not known."""
        price = self.price(report.index.recipe.model)
        return None if price is None else cost(report.tokens, price)

    def _chosen(self, base: KnowledgeBase, choice: Choice) -> Recipe:
        if not self.trusted:
            in_use = {report.index.recipe.model for report in self.reports.of(base.id)}
            self.recipes.require_offered(choice, in_use)
        return self.recipes.chosen(choice)
