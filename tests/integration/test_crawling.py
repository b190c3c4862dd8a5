"""Many pages: asked for politely, one host at a time, from a queue that outlives its workers."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.documents.labels import Labels
from app.errors import UnreadableDocument
from app.ingestion.fetching import AddressKind, AddressState, Crawl, Sources
from app.services import Services
from tests.fake_site import HOST, PAGE, FakeSite
from tests.integration.parts import QUESTION, MortalWorker, SearchableBase, check

HTML = {"accept": "text/html"}


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
