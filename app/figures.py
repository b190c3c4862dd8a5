"""The figures of this process, and of the queue and the contents that all share, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.errors import InvalidSetting, TidemarkError
from app.services import Services


def figures(services: Services) -> CollectorRegistry:
    """All there are; TiDB is asked at each look."""
    both = CollectorRegistry()
    both.register(REGISTRY)
    both.register(_Shared(services))
    return both


@contextmanager
def told_at(host: str, port: int, services: Services) -> Iterator[int]:
    """Tell the figures over HTTP to whoever asks; at which port.

    Raises:
        InvalidSetting: the address is not this machine's own, or is in use.
    """
    try:
        server, thread = start_http_server(port, host, figures(services))
    except OSError as refused:
        raise InvalidSetting(
            f"The worker cannot tell its figures on {host}:{port}: {refused.strerror}.",
            remedy="Choose another address in TIDEMARK_WORKER_METRICS, or leave it out.",
        ) from refused
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True, eq=False)  # a registry knows its collectors by themselves
class _Shared(Collector):
    """What TiDB is asked for at each look: the same whichever process is asked."""

    services: Services

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("tidemark_jobs", "Jobs in the queue.", labels=["state"])
        up = GaugeMetricFamily("tidemark_tidb_up", "Whether TiDB answers this process.")
        contents = GaugeMetricFamily("tidemark_documents", "Documents that can be read.")
        indexes = GaugeMetricFamily("tidemark_indexes", "Indexes.", labels=["state"])
        bases = GaugeMetricFamily("tidemark_knowledge_bases", "Knowledge bases.")
        try:
            for state, number in self.services.jobs.counts().items():
                jobs.add_metric([state], number)
            for built, number in self.services.indexes.counts().items():
                indexes.add_metric([built], number)
            there = self.services.knowledge_bases.list()
            contents.add_metric([], sum(documents for _, documents in there))
            bases.add_metric([], len(there))
            up.add_metric([], 1)
        except TidemarkError:
            up.add_metric([], 0)
        yield from (up, jobs, indexes, contents, bases)
