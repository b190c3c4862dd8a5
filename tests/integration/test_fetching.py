"""Pages of the web as documents: fetched within limits, and again only if they have changed."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from app.errors import (
    AddressRefused,
    DocumentTooLarge,
    PageUnavailable,
    SourceNotFound,
)
from app.ingestion.fetching import Sources
from app.ingestion.parsers.registry import parse
from app.services import Services
from tests.fake_site import HOST, PAGE, FakeSite
from tests.integration.parts import QUESTION, MortalWorker, SearchableBase, Uploader, check

HTML = {"accept": "text/html"}


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
