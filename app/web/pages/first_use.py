"""What is said while a knowledge base has nothing to search."""

from __future__ import annotations

from dataclasses import dataclass

from app.services import Services
from app.web.pages.frame import Chosen
from app.web.pages.sample import handbook


@dataclass(frozen=True)
class FirstUse:
    """How many documents are being ingested, how many failed, and the handbook's files."""

    reading: int
    failed: int
    handbook: int


def first_use(services: Services, chosen: Chosen) -> FirstUse | None:
    """None once there is a document that can be read."""
    if chosen.documents:
        return None
    jobs = services.jobs.unfinished(chosen.base.id)
    failed = sum(job.state.ended for job in jobs)
    return FirstUse(len(jobs) - failed, failed, len(handbook()))
