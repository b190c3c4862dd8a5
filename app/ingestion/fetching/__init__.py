"""Pages and files of the web as sources: fetched with limits, and from public addresses alone."""

from app.ingestion.fetching.crawl import Crawl, Page
from app.ingestion.fetching.fetcher import Fetched, Fetcher, Validators
from app.ingestion.fetching.sources import Source, Sources

__all__ = ["Crawl", "Fetched", "Fetcher", "Page", "Source", "Sources", "Validators"]
