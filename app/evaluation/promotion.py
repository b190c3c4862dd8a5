"""Promotions that were scheduled: "once it is ready, if it is not worse by more than that"."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from app.documents.knowledge_bases import KnowledgeBaseStore
from app.errors import IndexConflict
from app.evaluation.comparison import Comparer
from app.indexes.builds import BuildStore
from app.indexes.index import Index
from app.indexes.reports import IndexReports
from app.indexes.store import IndexStore
from app.indexes.switch import Switch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScheduledPromotion:
    knowledge_bases: KnowledgeBaseStore
    indexes: IndexStore
    reports: IndexReports
    builds: BuildStore
    comparer: Comparer
    switch: Switch

    def look_at(self, index: Index) -> None:
        """Promote an index that is ready, if it is to be; else leave the reason with it.

        One that falls behind meanwhile is looked at again once it is ready again.

        Raises:
            TidemarkError: it cannot be compared now, such as while its model is away.
        """
        report = self.reports.one(index.knowledge_base_id, index.id)
        active = self.indexes.active(index.knowledge_base_id)
        margin = report.promote_margin
        if margin is None or active is None or not report.can_be_promoted:
            return
        base = self.knowledge_bases.by_id(index.knowledge_base_id)
        comparison = self.comparer.compare(base, active, index)
        self.reports.keep_comparison(index.id, comparison.dump())
        if comparison.is_worse_by(margin):
            self.builds.not_promoted(
                index.id,
                f"It was not promoted: on {comparison.ndcg.questions} questions its nDCG@10 may be "
                f"worse by {-comparison.ndcg.low:.3f}, which is more than {margin:g}.",
                "Look at the questions that got worse; promote it all the same, or drop it.",
            )
            return
        try:
            self.switch.promote(index.knowledge_base_id, index.id)
        except IndexConflict as moved:
            log.info("Index %s was not promoted: %s", index.id, moved.message)
