"""Fetching one address of the web: what is there, or that it has not changed."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import httpcore
import httpx

from app.documents.names import LONGEST_NAME, document_name
from app.errors import AddressRefused, DocumentTooLarge, PageUnavailable
from app.ingestion.decoding import BYTE_ORDER_MARKS, known_encoding
from app.ingestion.fetching.destinations import Deadline, Destinations, Resolve, resolve

USER_AGENT = "Tidemark/0.1"
MOST_REDIRECTS = 5
WITHIN = 60.0  # seconds, redirects included
AT_ONCE = 4  # fetches of one process
TIMEOUTS = {"connect": 10.0, "read": 15.0, "write": 15.0, "pool": 1.0}  # seconds
WAITS = 5.0  # seconds, when as many are going on
LONGEST_URL = 2000
LONGEST_HEADER = 500
REDIRECTS = frozenset({301, 302, 303, 307, 308})
NOT_MODIFIED = 304
# What an address may have as it is; all else is percent-encoded.
SAFE = "%/:=&?~#+!$,;'@()*[]-._"


@dataclass(frozen=True)
class Validators:
    """What a site says of a state of a page, by which to ask whether it is another now."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Fetched:
    """What was at an address; `content` is None where it has not changed.

    `url` is where it was in the end, after redirects.
    """

    url: str
    content: bytes | None
    validators: Validators


@dataclass(frozen=True)
class Fetcher:
    """Fetches up to `max_megabytes`; `private_hosts` may be in the network that Tidemark is in."""

    max_megabytes: int
    private_hosts: frozenset[str] = frozenset()
    resolve: Resolve = resolve
    within: float = WITHIN
    _slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))

    def fetch(
        self, url: str, known: Validators | None = None, max_bytes: int | None = None
    ) -> Fetched:
        """Fetch `url`, or learn that it is still in the state that `known` tells of.

        Raises:
            AddressRefused: it is no address of the public web, or leads to one that isn't.
            PageUnavailable: the site does not answer, refuses, or has nothing there.
            DocumentTooLarge: it is over `max_bytes`, or over the limit for uploads.
        """
        if not self._slots.acquire(timeout=WAITS):
            raise PageUnavailable(
                f"{AT_ONCE} addresses are being fetched already.",
                remedy="Try again in a minute.",
                silent=True,
            )
        try:
            with self._pool() as pool:
                return self._follow(pool, checked_url(url), known or Validators(), max_bytes)
        finally:
            self._slots.release()

    def _pool(self) -> httpcore.ConnectionPool:
        ends = Deadline(time.monotonic() + self.within)
        return httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            network_backend=Destinations(ends, self.private_hosts, self.resolve),
        )

    def _follow(
        self,
        pool: httpcore.ConnectionPool,
        url: str,
        known: Validators,
        max_bytes: int | None,
    ) -> Fetched:
        at = url
        for _ in range(MOST_REDIRECTS + 1):
            fetched = self._get(pool, at, known, max_bytes)
            if isinstance(fetched, Fetched):
                return fetched
            at = checked_url(urljoin(at, fetched))
        raise PageUnavailable(f"{url[:200]!r} leads on more than {MOST_REDIRECTS} times.")

    def _get(
        self, pool: httpcore.ConnectionPool, url: str, known: Validators, max_bytes: int | None
    ) -> Fetched | str:
        """What is at `url`, or the address that it leads on to."""
        headers = [
            ("user-agent", USER_AGENT),
            ("accept", "text/html,application/xhtml+xml,application/pdf,*/*;q=0.8"),
            ("accept-encoding", "gzip, identity"),
        ]
        if known.etag:
            headers.append(("if-none-match", known.etag))
        if known.last_modified:
            headers.append(("if-modified-since", known.last_modified))
        try:
            extensions = {"timeout": TIMEOUTS}
            with pool.stream("GET", url, headers=headers, extensions=extensions) as response:
                told = _texts(response.headers)
                if response.status in REDIRECTS and told.get("location"):
                    return told["location"]
                if response.status == NOT_MODIFIED:
                    return Fetched(url, None, known)
                if response.status != httpx.codes.OK:
                    raise _refused(url, response.status)
                most = max_bytes or self.max_megabytes * 1_000_000
                content = b"".join(_limited(_decoded(response.iter_stream(), told), most, url))
        except (httpcore.TimeoutException, httpcore.NetworkError, OSError) as silent:
            raise PageUnavailable(
                f"{_host(url)} does not answer, or not in time.",
                remedy="Check the address, and try again later.",
                silent=True,
            ) from silent
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, zlib.error) as odd:
            raise PageUnavailable(f"{_host(url)} answers in a way that is no HTTP.") from odd
        content = in_utf8(content, told.get("content-type", ""))
        validators = Validators(as_header(told.get("etag")), as_header(told.get("last-modified")))
        return Fetched(url, content, validators)


def in_utf8(content: bytes, content_type: str) -> bytes:
    """A text whose encoding only the reply's head names, as UTF-8: a file has no head to say it.

    XML says it itself, and what is valid UTF-8 is that, whatever is said of it.
    """
    head = Message()
    head["content-type"] = content_type
    charset = head.get_content_charset()
    texts = head.get_content_maintype() == "text" or "xhtml" in head.get_content_type()
    marked = any(content.startswith(mark) for mark, _ in BYTE_ORDER_MARKS)
    if charset is None or not texts or marked or content.lstrip().startswith(b"<?xml"):
        return content
    encoding = known_encoding(charset)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode(encoding, "replace").encode() if encoding else content
    return content


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def checked_url(url: str) -> str:
    """`url` as it is asked for: without its fragment, its host in ASCII, the rest encoded.

    Raises:
        AddressRefused: it is no address of the web, or holds a password.
    """
    shown = f"{url[:200]!r}"
    if len(url) > LONGEST_URL:
        raise AddressRefused(f"An address has up to {LONGEST_URL:,} characters.")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = _ascii(parts.hostname or "")
    except (ValueError, UnicodeError) as unreadable:
        raise AddressRefused(f"{shown} is no address of the web.") from unreadable
    if parts.scheme not in {"http", "https"} or not host:
        raise AddressRefused(
            f"{shown} is no address of the web.", remedy="Give one that begins with https://."
        )
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(f"{_host(url)}: an address with a password in it is not fetched.")
    place = host if port in {None, {"http": 80, "https": 443}[parts.scheme]} else f"{host}:{port}"
    path = quote(parts.path or "/", safe=SAFE)
    return urlunsplit((parts.scheme, place, path, quote(parts.query, safe=SAFE), ""))


def name_of(url: str) -> str:
    """What the document that is fetched from `url` is called: "example.com/guides/pier"."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    path = unquote(parts.path) if ".." not in unquote(parts.path).split("/") else parts.path
    return document_name(f"{parts.netloc}{path}{unquote(query)}"[:LONGEST_NAME])


def _ascii(host: str) -> str:
    """A host's name as it is asked for; an IPv6 address in its brackets."""
    if ":" in host:
        return f"[{host}]"
    return host.encode("idna").decode() if not host.isascii() else host


def _host(url: str) -> str:
    return f"{urlsplit(url).hostname or url[:80]!r}"


def _decoded(parts: Iterator[bytes], told: dict[str, str]) -> Iterator[bytes]:
    """The content as it is meant, piece by piece."""
    coding = told.get("content-encoding", "identity").strip().lower()
    if coding in {"", "identity"}:
        yield from parts
        return
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise zlib.error(f"not asked for: {coding}")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    for part in parts:
        pending = part
        while pending:
            yield unpacking.decompress(pending, 1 << 20)  # of a bomb, no more than that at once
            pending = unpacking.unconsumed_tail
    yield unpacking.flush()


def _limited(parts: Iterator[bytes], most: int, url: str) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > most:
            raise DocumentTooLarge(f"{url[:200]!r} is larger than {most / 1_000_000:g} MB.")
        yield part


def _refused(url: str, status: int) -> PageUnavailable:
    remedies = {
        401: "It asks for a sign-in: save the page as a file, and upload that.",
        403: "The site does not let programs read it: save the page as a file, and upload that.",
        404: "Check the address: there is nothing.",
        410: "Check the address: it is gone.",
        429: "The site asks for patience: try again later.",
    }
    remedy = remedies.get(status, "Open the address in a browser to see what is wrong there.")
    return PageUnavailable(
        f"{_host(url)} answers {status} for {url[:200]!r}.", remedy=remedy, status=status
    )


def as_header(value: object) -> str | None:
    """A header as it can be sent again; None if it is too long to be an honest one."""
    if not isinstance(value, str) or not value or len(value) > LONGEST_HEADER:
        return None
    return value if value.isascii() and value.isprintable() else None
