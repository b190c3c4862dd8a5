"""Pages of the web as documents: fetched within limits, again only if changed, and politely."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from app.config import Settings
from app.errors import (
    AddressRefused,
    DocumentTooLarge,
    PageUnavailable,
    SourceNotFound,
    UnreadableDocument,
)
from app.ingestion.fetching import Crawl, Sources
from app.services import Services
from tests.fake_site import HOST, FakeSite, website
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.integration.test_errors import check
from tests.integration.test_ingestion import QUESTION
from tests.server import application, client, served

PAGE = b"""<!doctype html><html><head><title>Tides</title></head><body>
<nav><a href="/">Home</a> <a href="/shop">Shop</a></nav>
<main><h1>Tides</h1><p>The tide turns at noon.</p></main><footer>Imprint</footer></body></html>"""
HTML = {"accept": "text/html"}


@pytest.fixture
def site() -> Iterator[FakeSite]:
    with website() as site:
        site.pages["/tides"] = PAGE
        yield site


@pytest.fixture
def sources(services: Services, site: FakeSite) -> Sources:
    return replace(services.sources, fetcher=site.fetcher())


@pytest.fixture
def fetching(settings: Settings, services: Services, sources: Sources) -> Iterator[httpx.Client]:
    """A client of a Tidemark that may fetch from the site."""
    app = application(settings, replace(services, sources=sources))
    with served(app) as address, client(address) as http:
        yield http


def test_a_page_is_a_document_with_its_main_part(
    knowledge_base: SearchableBase, site: FakeSite, sources: Sources, worker: MortalWorker
) -> None:
    receipt = sources.add(knowledge_base.base, f"{site.address}/tides#noon")
    worker.drain()
    assert receipt.document_name == f"{HOST}:{site.port}/tides"
    text = knowledge_base.services.documents.text(receipt.document_id)[1]
    assert text.title == "Tides"
    assert "Shop" not in text.text
    assert knowledge_base.search(QUESTION).names() == [receipt.document_name]
    assert sources.of([receipt.document_id])[receipt.document_id].url == f"{site.address}/tides"


def test_a_page_is_asked_whether_it_has_changed_and_only_then_fetched_again(
    knowledge_base: SearchableBase, site: FakeSite, sources: Sources, worker: MortalWorker
) -> None:
    first = sources.add(knowledge_base.base, f"{site.address}/tides")
    worker.drain()
    assert sources.refetch(first.document_id).unchanged
    assert "if-none-match" in site.requests[-1][1]
    site.pages["/tides"] = PAGE.replace(b"noon", b"dusk")
    assert sources.refetch(first.document_id).document_id == first.document_id
    worker.drain()
    assert "The tide turns at dusk." in knowledge_base.search(QUESTION).texts()[0]
    assert len(knowledge_base.services.documents.revisions(first.document_id)) == 2


def test_a_page_that_was_not_read_or_was_replaced_by_a_file_is_fetched_whole(
    knowledge_base: SearchableBase,
    site: FakeSite,
    sources: Sources,
    uploader: Uploader,
    worker: MortalWorker,
) -> None:
    receipt = sources.add(knowledge_base.base, f"{site.address}/tides")
    assert sources.add(knowledge_base.base, f"{site.address}/tides").job_id == receipt.job_id
    assert "if-none-match" not in site.requests[-1][1]
    worker.drain()
    uploader.upload(receipt.document_name, "Ships leave with the ebb.")
    worker.drain()
    assert not sources.refetch(receipt.document_id).unchanged


def test_a_renamed_page_stays_the_document_of_its_address(
    knowledge_base: SearchableBase, site: FakeSite, sources: Sources, worker: MortalWorker
) -> None:
    receipt = sources.add(knowledge_base.base, f"{site.address}/tides")
    worker.drain()
    knowledge_base.services.renaming.rename(receipt.document_id, "tides.html")
    site.pages["/tides"] = PAGE.replace(b"noon", b"dusk")
    again = sources.add(knowledge_base.base, f"{site.address}/tides")
    assert (again.document_id, again.document_name) == (receipt.document_id, "tides.html")


def test_what_came_from_no_address_cannot_be_fetched_again(
    sources: Sources, uploader: Uploader
) -> None:
    with pytest.raises(SourceNotFound):
        sources.refetch(uploader.upload("guide.md", "Text.").document_id)


def test_a_deleted_page_takes_its_address_with_it(
    knowledge_base: SearchableBase, site: FakeSite, sources: Sources, worker: MortalWorker
) -> None:
    receipt = sources.add(knowledge_base.base, f"{site.address}/tides")
    knowledge_base.services.deletion.delete(receipt.document_id)
    again = sources.add(knowledge_base.base, f"{site.address}/tides")
    assert again.document_id != receipt.document_id
    worker.clear()
    assert knowledge_base.rows("sources", f"document_id = {receipt.document_id}") == 0


def test_redirects_are_followed_but_not_for_ever_and_never_into_a_private_network(
    site: FakeSite,
) -> None:
    site.moved = {
        "/old": "/tides",
        "/round": "/round",
        "/inside": "http://127.0.0.1:1/secret",
        "/cloud": "http://169.254.169.254/latest/meta-data/",
        "/file": "file:///etc/passwd",
        "/empty": "",
    }
    fetcher = site.fetcher(resolve=lambda host, _: ["127.0.0.1" if host == HOST else host])
    fetched = fetcher.fetch(f"{site.address}/old")
    assert (fetched.url, fetched.content) == (f"{site.address}/tides", PAGE)
    with pytest.raises(PageUnavailable):
        fetcher.fetch(f"{site.address}/round")
    for path in ("/inside", "/cloud", "/file"):
        with pytest.raises(AddressRefused):
            fetcher.fetch(f"{site.address}{path}")
    with pytest.raises(PageUnavailable):
        fetcher.fetch(f"{site.address}/empty")


def test_this_machine_is_not_fetched_from_whatever_its_name(
    services: Services, knowledge_base: SearchableBase, site: FakeSite
) -> None:
    names = ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1"]  # noqa: S104
    for name in names:
        with pytest.raises(AddressRefused):
            services.sources.add(knowledge_base.base, f"http://{name}:{site.port}/tides")
    assert site.requests == []


def test_a_page_that_is_too_large_is_given_up_packed_or_not(site: FakeSite) -> None:
    fetcher = site.fetcher()
    site.pages |= {"/large": b"a" * 1_000_001, "/bomb": bytes(50_000_000), "/packed": PAGE}
    site.packed = {"/bomb", "/packed"}
    for path in ("/large", "/bomb"):
        with pytest.raises(DocumentTooLarge):
            fetcher.fetch(f"{site.address}{path}")
    assert fetcher.fetch(f"{site.address}/packed").content == PAGE


def test_a_page_that_comes_a_byte_at_a_time_is_given_up_in_time(site: FakeSite) -> None:
    site.slow = {"/tides"}
    with pytest.raises(PageUnavailable):
        site.fetcher(within=0.5).fetch(f"{site.address}/tides")


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500, 503])
def test_a_site_that_refuses_is_told_of_with_what_to_do(site: FakeSite, status: int) -> None:
    site.statuses["/tides"] = status
    with pytest.raises(PageUnavailable) as refused:
        site.fetcher().fetch(f"{site.address}/tides")
    assert str(status) in refused.value.message
    assert refused.value.remedy


def test_a_host_that_is_not_there_is_told_of(site: FakeSite) -> None:
    site.port = 1
    with pytest.raises(PageUnavailable):
        site.fetcher().fetch(f"{site.address}/tides")


def crawl(site: FakeSite) -> tuple[Crawl, list[float]]:
    waits: list[float] = []
    return Crawl(site.fetcher(), waits.append), waits


def test_a_crawl_asks_for_what_robots_txt_allows_with_pauses(site: FakeSite) -> None:
    site.pages["/robots.txt"] = b"User-agent: *\nDisallow: /private\nCrawl-delay: 7\n"
    polite, waits = crawl(site)
    paths = ("/tides", "/private/log", "/tides", "/ships")
    pages = list(polite.pages(f"{site.address}{path}" for path in paths))
    assert [page.error is None for page in pages] == [True, False, True]
    assert "robots.txt" in str(pages[1].error)
    assert site.asked == ["/robots.txt"]
    assert all(6 < wait <= 7 for wait in waits)
    assert len(waits) == 2


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (500, False)])
def test_without_a_robots_txt_all_may_be_read_and_with_a_broken_one_nothing(
    site: FakeSite, status: int, *, allowed: bool
) -> None:
    site.statuses["/robots.txt"] = status
    polite, _ = crawl(site)
    (page,) = polite.pages([f"{site.address}/tides"])
    assert (page.error is None) is allowed


def test_one_host_is_done_before_the_next_begins(site: FakeSite) -> None:
    hosts = frozenset({HOST, "other.test"})
    polite = Crawl(site.fetcher(private_hosts=hosts), lambda _: None)
    other = f"http://other.test:{site.port}"
    urls = [f"{site.address}/a", f"{other}/b", f"{site.address}/c", "no address"]
    told = [page.url for page in polite.pages(urls)]
    assert told == ["no address", f"{site.address}/a", f"{site.address}/c", f"{other}/b"]


def test_a_sitemap_lists_pages_of_its_own_host(site: FakeSite) -> None:
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    entries = "".join(
        f"<url><loc>{url}</loc></url>"
        for url in (f"{site.address}/tides", "https://elsewhere.test/", "http://[::1", "")
    )
    site.pages["/pages.xml"] = gzip.compress(f"<urlset {space}>{entries}</urlset>".encode())
    listed = "".join(
        f"<sitemap><loc>{site.address}{path}</loc></sitemap>"
        for path in ("/pages.xml", "/index.xml")
    )
    index = f"<?xml version='1.0'?><sitemapindex {space}>{listed}</sitemapindex>"
    site.pages["/index.xml"] = index.encode()
    polite, _ = crawl(site)
    assert polite.sitemap(f"{site.address}/index.xml") == [f"{site.address}/tides"]
    site.pages["/list.txt"] = f"{site.address}/a\n\nnothing\n{site.address}/b".encode()
    assert polite.sitemap(f"{site.address}/list.txt") == [
        f"{site.address}/a",
        f"{site.address}/b",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<html><body>No sitemap</body></html>",
        b"<urlset><broken",
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><urlset>&e;</urlset>',
        b"\x1f\x8bdamaged",
        b"",
    ],
)
def test_what_is_no_sitemap_is_told_of(site: FakeSite, content: bytes) -> None:
    site.pages["/sitemap.xml"] = content
    polite, _ = crawl(site)
    with pytest.raises(UnreadableDocument):
        polite.sitemap(f"{site.address}/sitemap.xml")


def test_an_address_is_added_and_looked_at_again_over_http(
    fetching: httpx.Client, knowledge_base: SearchableBase, site: FakeSite, worker: MortalWorker
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/urls"
    body = {"url": f"{site.address}/tides", "tags": ["tides"]}
    added = fetching.post(path, json=body)
    assert (added.status_code, added.json()["status"]) == (202, "accepted")
    worker.drain()
    document = f"/api/documents/{added.json()['document_id']}"
    told = fetching.get(document).json()
    assert (told["source"]["url"], told["tags"]) == (body["url"], ["tides"])
    assert fetching.post(f"{document}/refetch").json()["status"] == "unchanged"
    check(fetching.post(path, json={"url": "http://127.0.0.1/"}), 422, "address_refused")
    check(fetching.post(path, json={"url": f"{site.address}/no"}), 502, "page_unavailable")


def test_an_address_is_added_and_looked_at_again_on_the_pages(
    fetching: httpx.Client, knowledge_base: SearchableBase, site: FakeSite, worker: MortalWorker
) -> None:
    form = {"knowledge-base": knowledge_base.base.name, "url": f"{site.address}/tides"}
    added = fetching.post("/documents/url", data=form)
    assert added.status_code == 303
    worker.drain()
    (document, _), *_ = knowledge_base.services.documents.list(knowledge_base.base.id)
    page = fetching.get(f"/documents/{document.id}", headers=HTML).text
    assert f"{site.address}/tides" in page
    again = fetching.post(f"/documents/{document.id}/refetch")
    assert "same bytes" in fetching.get(again.headers["location"], headers=HTML).text
    refused = fetching.post("/documents/url", data=form | {"url": "http://127.0.0.1/"})
    assert refused.status_code == 422
    assert "is not on the public internet" in refused.text
