"""Several addresses, politely: as robots.txt allows, one after the other, with pauses."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree as ET

from app.errors import (
    AddressRefused,
    DocumentTooLarge,
    PageUnavailable,
    TidemarkError,
    UnreadableDocument,
)
from app.ingestion.fetching.fetcher import USER_AGENT, Fetcher, checked_url
from app.ingestion.parsers.xml_tree import local_name, tree

PAUSE = 1.0  # seconds between two requests to a host that says nothing about it
LONGEST_PAUSE = 30.0
MOST_SITEMAPS = 50
MOST_PAGES = 10_000  # that are taken of a sitemap
SITEMAP_BYTES = 20_000_000
ROBOTS_BYTES = 500_000  # as RFC 9309 has it
REFUSED = 400
BROKEN = 500


@dataclass(frozen=True)
class Page:
    """An address whose turn it is; `error` says why it is not to be fetched."""

    url: str
    error: TidemarkError | None = None


@dataclass
class Crawl:
    """One host at a time, and one request at a time. `wait` lets seconds pass."""

    fetcher: Fetcher
    wait: Callable[[float], None] = time.sleep
    _robots: dict[str, RobotFileParser | PageUnavailable] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)

    def pages(self, urls: Iterable[str]) -> Iterator[Page]:
        """Each address when it may be fetched: host by host, whatever their order."""
        by_host: dict[str, list[str]] = {}
        for url in dict.fromkeys(urls):
            try:
                checked = checked_url(url)
            except AddressRefused as refused:
                yield Page(url, refused)
                continue
            by_host.setdefault(urlsplit(checked).netloc, []).append(checked)
        for of_host in by_host.values():
            for url in of_host:
                error = self._forbidden(url)
                if error is None:
                    self._pause(url)
                yield Page(url, error)

    def sitemap(self, url: str) -> list[str]:
        """The addresses that a sitemap lists, of its own host; a text file may list them too.

        Raises:
            UnreadableDocument: it cannot be fetched, or is no sitemap.
        """
        first = checked_url(url)
        waiting, seen, found = [first], {first}, dict[str, None]()
        while waiting and len(seen) <= MOST_SITEMAPS and len(found) < MOST_PAGES:
            at = waiting.pop(0)
            self._pause(at)
            more, pages = _listed(
                at, self.fetcher.fetch(at, max_bytes=SITEMAP_BYTES).content or b""
            )
            waiting += [each for each in _of_host(more, first) if each not in seen]
            seen.update(waiting)
            found |= dict.fromkeys(_of_host(pages, first))
        if not found:
            raise UnreadableDocument(
                f"{url[:200]!r} lists no page of its own host.",
                remedy="Give the address of a sitemap: https://example.com/sitemap.xml.",
            )
        return list(found)[:MOST_PAGES]

    def pause_of(self, host: str) -> float:
        """How many seconds the host wants between two requests, as far as it has been asked."""
        known = (self._robots.get(f"{scheme}://{host}") for scheme in ("https", "http"))
        asked = [r.crawl_delay(USER_AGENT) for r in known if isinstance(r, RobotFileParser)]
        wanted = [float(each) for each in asked if each is not None]
        return min(LONGEST_PAUSE, max(wanted, default=PAUSE))

    def _pause(self, url: str) -> None:
        """Let so much time pass as the host wants between two requests."""
        host = urlsplit(url).netloc
        if host in self._last:
            self.wait(max(0.0, self._last[host] + self.pause_of(host) - time.monotonic()))
        self._last[host] = time.monotonic()

    def _forbidden(self, url: str) -> TidemarkError | None:
        origin = _origin(url)
        if origin not in self._robots:
            self._robots[origin] = self._read_robots(origin)
        robots = self._robots[origin]
        if isinstance(robots, PageUnavailable):
            return robots
        if robots.can_fetch(USER_AGENT, url):
            return None
        return PageUnavailable(
            f"The site's robots.txt forbids {url[:200]!r}.",
            remedy="Ask the site, or ingest the one page by its own address.",
        )

    def _read_robots(self, origin: str) -> RobotFileParser | PageUnavailable:
        """As RFC 9309 has it: where there is none, all may be read; where it is broken, nothing."""
        rules = RobotFileParser()
        try:
            self._pause(origin)
            content = self.fetcher.fetch(f"{origin}/robots.txt", max_bytes=ROBOTS_BYTES).content
        except PageUnavailable as error:
            if error.status is None or not REFUSED <= error.status < BROKEN:
                return error
            content = b""
        except AddressRefused as error:
            return PageUnavailable(error.message, remedy=error.remedy)
        except DocumentTooLarge:
            return PageUnavailable(f"The robots.txt of {origin} is too large to be read.")
        rules.parse((content or b"").decode("utf-8-sig", "replace").splitlines())
        return rules


def _listed(url: str, content: bytes) -> tuple[list[str], list[str]]:
    """The further sitemaps and the pages that a sitemap lists."""
    if content.startswith(b"\x1f\x8b"):
        try:
            unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
            content = unpacking.decompress(content, SITEMAP_BYTES)
        except zlib.error as damaged:
            raise UnreadableDocument(f"The sitemap {url[:200]!r} is damaged.") from damaged
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = content.decode("utf-8-sig", "replace").split()
        return [], [line for line in lines if line.startswith(("http://", "https://"))]
    try:
        root = tree(content)
    except ET.ParseError as damaged:
        raise UnreadableDocument(f"The sitemap {url[:200]!r} is no XML.") from damaged
    places = [
        (place.text or "").strip()
        for entry in root
        for place in entry
        if local_name(place) == "loc" and (place.text or "").strip()
    ]
    return (places, []) if local_name(root) == "sitemapindex" else ([], places)


def _of_host(urls: Iterable[str], first: str) -> Iterator[str]:
    """Those of the sitemap's own host: others are not its to list (sitemaps.org)."""
    for url in urls:
        try:
            checked = checked_url(url)
        except AddressRefused:
            continue
        if urlsplit(checked).netloc == urlsplit(first).netloc:
            yield checked


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))
