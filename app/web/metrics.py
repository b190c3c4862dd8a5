"""`/metrics`: the figures of this process, and of the queue that all share, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.access.rights import Right
from app.errors import TidemarkError
from app.services import Services
from app.web.access import needs
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
@needs(Right.ADMIN)
def metrics(services: Wired) -> Response:
    shared = CollectorRegistry()
    shared.register(_Shared(services))
    return Response(
        generate_latest(REGISTRY) + generate_latest(shared), media_type=CONTENT_TYPE_LATEST
    )


@dataclass(frozen=True, eq=False)  # a registry knows its collectors by themselves
class _Shared(Collector):
    """What TiDB is asked for at each look: the same whichever process is asked."""

    services: Services

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("tidemark_jobs", "Jobs in the queue.", labels=["state"])
        up = GaugeMetricFamily("tidemark_tidb_up", "Whether TiDB answers this process.")
        contents = GaugeMetricFamily("tidemark_documents", "Documents that can be read.")
        bases = GaugeMetricFamily("tidemark_knowledge_bases", "Knowledge bases.")
        try:
            for state, number in self.services.jobs.counts().items():
                jobs.add_metric([state], number)
            there = self.services.knowledge_bases.list()
            contents.add_metric([], sum(documents for _, documents in there))
            bases.add_metric([], len(there))
            up.add_metric([], 1)
        except TidemarkError:
            up.add_metric([], 0)
        yield from (up, jobs, contents, bases)
