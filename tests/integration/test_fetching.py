"""Pages of the web as documents: fetched within limits, again only if changed, and politely."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.config import Settings
from app.documents.labels import Labels
from app.errors import (
    AddressRefused,
    DocumentTooLarge,
    PageUnavailable,
    SourceNotFound,
    UnreadableDocument,
)
from app.ingestion.fetching import AddressKind, AddressState, Crawl, Sources
from app.ingestion.parsers.registry import parse
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


@pytest.mark.parametrize(
    ("content", "told", "shown"),
    [
        ("<p>Прилив".encode("koi8-r"), "text/html; charset=KOI8-R", "Прилив"),
        ("<p>Прилив".encode(), "text/html; charset=koi8-r", "Прилив"),
        (
            "<?xml version='1.0' encoding='iso-8859-5'?><p>Прилив</p>".encode("iso-8859-5"),
            "text/xml; charset=koi8-r",
            "p: Прилив",
        ),
        ("潮が引く。".encode("shift-jis"), "text/plain;charset=Shift_JIS", "潮が引く。"),
        ("<p>Größe".encode("cp1252"), "text/html; charset=nobody-knows", "Größe"),
    ],
)
def test_a_page_is_read_in_the_encoding_that_its_site_tells(
    site: FakeSite, content: bytes, told: str, shown: str
) -> None:
    site.pages["/page"], site.types["/page"] = content, told
    fetched = site.fetcher().fetch(f"{site.address}/page")
    assert parse(fetched.content or b"", "page").text.text.strip() == shown


def test_a_file_that_is_no_text_is_fetched_as_it_is(site: FakeSite) -> None:
    site.pages["/a"], site.types["/a"] = b"\x89PNG\xff\xfe", "image/png; charset=koi8-r"
    assert site.fetcher().fetch(f"{site.address}/a").content == site.pages["/a"]


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


def no_pauses(site: FakeSite) -> None:
    site.pages["/robots.txt"] = b"User-agent: *\nCrawl-delay: 0\nDisallow: /private"


@pytest.fixture
def crawling(services: Services, sources: Sources, knowledge_base: SearchableBase) -> MortalWorker:
    """A worker that may fetch from the site."""
    return MortalWorker(replace(services, sources=sources), knowledge_base.base)


def addresses(http: httpx.Client, base: str, **asked: str) -> dict[str, Any]:
    told: dict[str, Any] = http.get(f"/api/knowledge-bases/{base}/addresses", params=asked).json()
    return told


def test_addresses_and_the_pages_of_a_sitemap_are_fetched_from_a_queue(
    fetching: httpx.Client, knowledge_base: SearchableBase, site: FakeSite, crawling: MortalWorker
) -> None:
    no_pauses(site)
    site.pages |= {"/a": PAGE, "/b": PAGE, "/private": PAGE}
    places = "".join(f"<url><loc>{site.address}{p}</loc></url>" for p in ("/a", "/b", "/private"))
    site.pages["/sitemap.xml"] = f"<urlset>{places}</urlset>".encode()
    base = knowledge_base.base.name
    path = f"/api/knowledge-bases/{base}/addresses"
    body = {
        "urls": [f"{site.address}/tides", f"{site.address}/tides#noon", f"{site.address}/none"],
        "sitemaps": [f"{site.address}/sitemap.xml"],
        "tags": ["harbour"],
    }
    taken = fetching.post(path, json=body)
    assert (taken.status_code, taken.json()) == (202, {"accepted": 3})
    assert addresses(fetching, base)["counts"]["waiting"] == 3
    crawling.drain()
    assert sorted(knowledge_base.search(QUESTION).names()) == sorted(
        f"{HOST}:{site.port}{page}" for page in ("/a", "/b", "/tides")
    )
    told = addresses(fetching, base, state="failed")
    assert told["counts"] == {"waiting": 0, "fetched": 4, "failed": 2, "cancelled": 0}
    reasons = {each["url"]: each["error"]["message"] for each in told["addresses"]}
    assert "404" in reasons[f"{site.address}/none"]
    assert "robots.txt forbids" in reasons[f"{site.address}/private"]
    assert "/private" not in site.asked
    assert site.asked.count("/robots.txt") == 1
    fetched = addresses(fetching, base, state="fetched")["addresses"]
    (tides,) = (each for each in fetched if each["url"].endswith("/tides"))
    document = fetching.get(f"/api/documents/{tides['document_id']}").json()
    assert document["tags"] == ["harbour"]
    check(fetching.post(path, json={}), 422, "invalid_request")
    check(fetching.post(path, json={"urls": ["no address"]}), 422, "address_refused")


def test_the_same_addresses_again_ask_only_whether_anything_has_changed(
    knowledge_base: SearchableBase, site: FakeSite, crawling: MortalWorker
) -> None:
    no_pauses(site)
    queue = knowledge_base.services.addresses
    for _ in range(2):
        urls = {AddressKind.PAGE: [f"{site.address}/tides"]}
        assert queue.add(knowledge_base.base, urls, Labels()) == 1
        crawling.drain()
    assert (
        knowledge_base.rows(
            "revisions r JOIN documents d ON d.id = r.document_id",
            f"d.knowledge_base_id = {knowledge_base.base.id}",
        )
        == 1
    )
    asked = [headers for path, headers in site.requests if path == "/tides"]
    assert ["if-none-match" in headers for headers in asked] == [False, True]


def test_a_site_that_is_down_is_asked_again_after_a_pause_and_given_up_in_the_end(
    fetching: httpx.Client, knowledge_base: SearchableBase, site: FakeSite, crawling: MortalWorker
) -> None:
    no_pauses(site)
    site.statuses["/tides"] = 503
    base = knowledge_base.base
    queue = knowledge_base.services.addresses
    queue.add(base, {AddressKind.PAGE: [f"{site.address}/tides"]}, Labels())

    def try_again() -> int:
        knowledge_base.execute("UPDATE addresses SET not_before = NOW() - INTERVAL 1 DAY")
        crawling.drain()
        return site.asked.count("/tides")

    crawling.drain()
    crawling.drain()
    assert site.asked.count("/tides") == 1, "it was asked again without a pause"
    (waiting,) = addresses(fetching, base.name)["addresses"]
    assert "503" in waiting["error"]["message"]
    assert [try_again() for _ in range(5)] == [2, 3, 4, 4, 4]
    (failed,) = addresses(fetching, base.name, state="failed")["addresses"]
    assert "503" in failed["error"]["message"]
    del site.statuses["/tides"]
    retried = fetching.post(f"/api/knowledge-bases/{base.name}/addresses/retry")
    assert retried.json() == {"changed": 1}
    crawling.drain()
    assert queue.counts(base)[AddressState.FETCHED] == 1


def test_only_one_process_fetches_from_a_host_and_another_takes_over_when_it_dies(
    knowledge_base: SearchableBase, site: FakeSite, crawling: MortalWorker
) -> None:
    no_pauses(site)
    queue = knowledge_base.services.addresses
    there, elsewhere = f"{site.address}/tides", f"http://other.test:{site.port}/tides"
    queue.add(knowledge_base.base, {AddressKind.PAGE: [there, elsewhere]}, Labels())
    first, second = queue.claim_host(), queue.claim_host()
    assert first is not None
    assert second is not None
    assert {first.name, second.name} == {f"{HOST}:{site.port}", f"other.test:{site.port}"}
    assert queue.claim_host() is None
    begun = queue.next_of(first)
    assert begun is not None
    # It dies: its lease runs out, and so does the pause of what it had begun.
    knowledge_base.execute("UPDATE fetched_hosts SET lease_until = NOW() - INTERVAL 1 DAY")
    knowledge_base.execute("UPDATE addresses SET not_before = NOW() - INTERVAL 1 DAY")
    again = queue.claim_host()
    assert again is not None
    knowledge_base.execute("UPDATE fetched_hosts SET lease_until = NOW() - INTERVAL 1 DAY")
    crawling.drain()
    assert queue.next_of(again) is None, "it went on with a host that was another's"
    assert len(knowledge_base.search(QUESTION).names()) >= 1
    assert queue.counts(knowledge_base.base)[AddressState.FETCHED] == 1
    (failed,) = queue.listed(knowledge_base.base, AddressState.FAILED)
    assert failed.url == elsewhere
    assert "not on the public internet" in (failed.error or "")


def test_what_ends_its_worker_each_time_is_given_up(
    knowledge_base: SearchableBase, site: FakeSite
) -> None:
    queue = knowledge_base.services.addresses
    queue.add(knowledge_base.base, {AddressKind.PAGE: [f"{site.address}/tides"]}, Labels())
    begun = 0
    host = queue.claim_host()
    assert host is not None
    while queue.next_of(host) is not None:
        begun += 1
        knowledge_base.execute("UPDATE addresses SET not_before = NOW() - INTERVAL 1 DAY")
    assert begun == 4
    (failed,) = queue.listed(knowledge_base.base, AddressState.FAILED)
    assert "never came to an end" in (failed.error or "")


def test_what_waits_can_be_called_off_and_a_paused_knowledge_base_fetches_nothing(
    fetching: httpx.Client, knowledge_base: SearchableBase, site: FakeSite, crawling: MortalWorker
) -> None:
    no_pauses(site)
    base = knowledge_base.base
    queue = knowledge_base.services.addresses
    knowledge_base.services.job_control.pause_all(base)
    queue.add(base, {AddressKind.PAGE: [f"{site.address}/tides"]}, Labels())
    crawling.drain()
    cancelled = fetching.post(f"/api/knowledge-bases/{base.name}/addresses/cancel")
    assert cancelled.json() == {"changed": 1}
    knowledge_base.services.job_control.resume_all(base)
    crawling.drain()
    assert site.asked == []
    assert queue.counts(base)[AddressState.CANCELLED] == 1


def test_addresses_are_added_and_looked_after_on_the_pages(
    fetching: httpx.Client, knowledge_base: SearchableBase, site: FakeSite, crawling: MortalWorker
) -> None:
    no_pauses(site)
    form = {
        "knowledge-base": knowledge_base.base.name,
        "urls": f"{site.address}/tides\n  {site.address}/none\n\n",
    }
    added = fetching.post("/documents/addresses", data=form)
    assert added.status_code == 303
    page = fetching.get(added.headers["location"], headers=HTML).text
    assert "2 waiting" in page
    shown = {"knowledge-base": knowledge_base.base.name}
    documents = fetching.get("/documents", params=shown, headers=HTML).text
    assert "2 addresses still to be fetched" in documents
    crawling.drain()
    page = fetching.get(added.headers["location"], headers=HTML).text
    assert "1 failed" in page
    assert "a minute" not in page, "it tells how long nothing will take"
    assert "Check the address: there is nothing." in page
    again = fetching.post("/documents/addresses/retry", data=form)
    assert "2 waiting" not in fetching.get(again.headers["location"], headers=HTML).text
    assert "1 waiting" in fetching.get(again.headers["location"], headers=HTML).text
    assert fetching.post("/documents/addresses", data=form | {"urls": " "}).status_code == 422


def test_a_deleted_knowledge_base_takes_its_addresses_with_it(
    knowledge_base: SearchableBase, site: FakeSite, worker: MortalWorker
) -> None:
    base = knowledge_base.base
    queue = knowledge_base.services.addresses
    queue.add(base, {AddressKind.PAGE: [f"{site.address}/tides"]}, Labels())
    knowledge_base.services.knowledge_bases.delete(base.name)
    assert queue.claim_host() is None
    worker.clear()
    assert knowledge_base.rows("addresses", f"knowledge_base_id = {base.id}") == 0


def test_an_archive_brings_the_address_of_a_page_along(
    knowledge_base: SearchableBase,
    sources: Sources,
    site: FakeSite,
    worker: MortalWorker,
    tmp_path: Path,
) -> None:
    sources.add(knowledge_base.base, f"{site.address}/tides")
    knowledge_base.services.uploads.receive(knowledge_base.base, "a.md", [b"No page."])
    worker.drain()
    services = knowledge_base.services
    services.exporter().write(knowledge_base.base, tmp_path / "base.tar")
    there = services.knowledge_bases.create(f"test-{uuid4().hex[:12]}")
    services.importer().read(there, tmp_path / "base.tar", lambda _: None)
    worker.drain()
    documents = {each.name: each.id for each, _ in services.documents.list(there.id)}
    tides = documents[f"{HOST}:{site.port}/tides"]
    found = sources.of(documents.values())
    assert {document: source.url for document, source in found.items()} == {
        tides: f"{site.address}/tides"
    }
    assert sources.refetch(tides).unchanged
    assert "if-none-match" in site.requests[-1][1]
    site.pages["/tides"] = PAGE.replace(b"noon", b"dusk")
    again = sources.add(there, f"{site.address}/tides")
    assert (again.document_id, again.unchanged) == (tides, False)
