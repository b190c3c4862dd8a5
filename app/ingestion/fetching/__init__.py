"""Pages and files of the web as sources: fetched with limits, and from public addresses alone."""

from app.ingestion.fetching.address import Address, AddressKind, AddressState, Standing
from app.ingestion.fetching.crawl import Crawl, Page
from app.ingestion.fetching.crawler import Crawler
from app.ingestion.fetching.fetcher import Fetched, Fetcher, Validators, as_header
from app.ingestion.fetching.queue import AddressQueue
from app.ingestion.fetching.sources import Source, Sources

__all__ = [
    "Address",
    "AddressKind",
    "AddressQueue",
    "AddressState",
    "Crawl",
    "Crawler",
    "Fetched",
    "Fetcher",
    "Page",
    "Source",
    "Sources",
    "Standing",
    "Validators",
    "as_header",
]
