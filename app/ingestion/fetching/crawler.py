"""Fetching what waits in the queue of addresses, one host at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta

from app.documents.knowledge_bases import KnowledgeBaseStore
from app.errors import TidemarkError
from app.ingestion.fetching.address import Address, AddressKind
from app.ingestion.fetching.crawl import LONGEST_PAUSE, Crawl
from app.ingestion.fetching.queue import AddressQueue
from app.ingestion.fetching.sources import Sources

PAGES_A_TURN = 50
"""That are fetched from a host before another has its turn."""


@dataclass(frozen=True)
class Crawler:
    """Each page becomes a document, as if its address had been given alone."""

    queue: AddressQueue
    sources: Sources
    knowledge_bases: KnowledgeBaseStore

    def run_next(self, stop: threading.Event) -> bool:
        """Fetch from one host that something waits for, until `stop`; False if there is none."""
        host = self.queue.claim_host()
        if host is None:
            return False
        crawl = Crawl(self.sources.fetcher, wait=lambda seconds: _pass(stop, seconds))
        try:
            for _ in range(PAGES_A_TURN):
                address = None if stop.is_set() else self.queue.next_of(host)
                if address is None:
                    break
                self._fetch(crawl, address, stop)
        finally:
            self.queue.release(host, timedelta(seconds=crawl.pause_of(host.name)))
        return not stop.is_set()

    def _fetch(self, crawl: Crawl, address: Address, stop: threading.Event) -> None:
        try:
            if address.kind is AddressKind.SITEMAP:
                pages = crawl.sitemap(address.url)
                self.queue.fetched(address, None, pages)
                return
            (page,) = crawl.pages([address.url])
            if stop.is_set():
                self.queue.put_back(address)
                return
            if page.error is not None:
                raise page.error
            base = self.knowledge_bases.by_id(address.knowledge_base_id)
            receipt = self.sources.add(base, address.url, address.labels)
            self.queue.fetched(address, receipt.document_id)
        except TidemarkError as error:
            self.queue.failed(address, error)


def _pass(stop: threading.Event, seconds: float) -> None:
    stop.wait(min(seconds, LONGEST_PAUSE))
