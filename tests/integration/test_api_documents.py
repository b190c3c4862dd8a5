"""Reading over HTTP: knowledge bases, documents, their text and their originals."""

from __future__ import annotations

import json

import httpx
import pytest

from tests import factories
from tests.integration.parts import MortalWorker, SearchableBase, Uploader, check

GUIDE = "# Tides\n\nThe tide turns at noon.\n\n# Ships\n\nShips leave with the ebb 👩‍👩‍👧.\n"


@pytest.fixture
def guide(uploader: Uploader, worker: MortalWorker) -> int:
    """The id of a document that can be read."""
    receipt = uploader.upload("docs/guide.md", GUIDE)
    worker.drain()
    return receipt.document_id


def test_a_knowledge_base_is_made_filled_listed_and_deleted(
    http: httpx.Client, knowledge_base: SearchableBase
) -> None:
    name = f"{knowledge_base.base.name}-made"
    made = http.post("/api/knowledge-bases", json={"name": name})
    assert (made.status_code, made.json()["name"], made.json()["documents"]) == (201, name, 0)
    assert name in [b["name"] for b in http.get("/api/knowledge-bases").json()["knowledge_bases"]]
    deleted = http.delete(f"/api/knowledge-bases/{name}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    check(http.get(f"/api/knowledge-bases/{name}"), 404, "knowledge_base_not_found")
    assert http.post("/api/knowledge-bases", json={"name": name}).status_code == 201


def test_a_knowledge_base_says_how_much_is_in_it(
    http: httpx.Client, knowledge_base: SearchableBase, guide: int
) -> None:
    told = http.get(f"/api/knowledge-bases/{knowledge_base.base.name}").json()
    assert (told["documents"], told["chunks"]) == (1, knowledge_base.rows("chunks_{index}"))


def test_documents_are_listed_by_name_a_page_at_a_time(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader
) -> None:
    for name in ("c.md", "a.md", "b.md"):
        uploader.upload(name, name)
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/documents"
    page = http.get(path, params={"offset": 1, "limit": 1}).json()
    assert [document["name"] for document in page["documents"]] == ["b.md"]
    assert (page["total"], page["offset"], page["limit"]) == (3, 1, 1)
    assert page["documents"][0]["revision"] is None
    assert http.get(path, params={"offset": 99}).json()["documents"] == []


def test_a_document_tells_what_is_known_of_it(http: httpx.Client, guide: int) -> None:
    told = http.get(f"/api/documents/{guide}").json()
    assert (told["name"], told["url"]) == ("docs/guide.md", f"/documents/{guide}")
    revision = told["revision"]
    assert (revision["number"], revision["media_type"]) == (1, "text/markdown")
    assert revision["size"] == len(GUIDE.encode())


def test_any_stretch_of_the_text_is_what_its_offsets_say(http: httpx.Client, guide: int) -> None:
    whole = http.get(f"/api/documents/{guide}/text").json()
    assert whole["end"] == len(whole["text"]) == whole["revision"]["characters"]
    assert [section["path"] for section in whole["sections"]] == [["Tides"], ["Ships"]]
    for start, end in ((0, 0), (3, 9), (5, 5), (0, 10**9), (10**9, 10**9)):
        params = {"start": start, "end": end}
        part = http.get(f"/api/documents/{guide}/text", params=params).json()
        assert part["text"] == whole["text"][start:end]
        assert whole["text"][part["start"] : part["end"]] == part["text"]
    late = http.get(f"/api/documents/{guide}/text", params={"start": whole["end"] - 3}).json()
    assert [section["path"] for section in late["sections"]] == [["Ships"]]


@pytest.mark.parametrize("params", ["start=-1", "end=-1", "start=5&end=3", "start=x", "revision=0"])
def test_a_stretch_that_cannot_be_is_told_of(http: httpx.Client, guide: int, params: str) -> None:
    check(http.get(f"/api/documents/{guide}/text?{params}"), 422, "invalid_request")


def test_an_older_revision_stays_readable(
    http: httpx.Client, guide: int, uploader: Uploader, worker: MortalWorker
) -> None:
    old = http.get(f"/api/documents/{guide}").json()["revision"]["id"]
    uploader.upload("docs/guide.md", "# Tides\n\nThe tide turns at dusk.\n")
    worker.drain()
    told = http.get(f"/api/documents/{guide}/text", params={"revision": old}).json()
    assert "noon" in told["text"]
    assert "dusk" in http.get(f"/api/documents/{guide}/text").json()["text"]
    original = http.get(f"/api/documents/{guide}/original", params={"revision": old})
    assert original.content == GUIDE.encode()


def test_a_revision_of_another_document_is_not_there(
    http: httpx.Client, guide: int, uploader: Uploader, worker: MortalWorker
) -> None:
    other = uploader.upload("other.md", "Ships.").document_id
    worker.drain()
    revision = http.get(f"/api/documents/{other}").json()["revision"]["id"]
    for part in ("text", "original"):
        reply = http.get(f"/api/documents/{guide}/{part}", params={"revision": revision})
        check(reply, 404, "revision_not_found")


def test_a_document_that_waits_for_its_ingest_has_no_text_yet(
    http: httpx.Client, uploader: Uploader
) -> None:
    waiting = uploader.upload("waiting.md", "Ships.").document_id
    assert http.get(f"/api/documents/{waiting}").json()["revision"] is None
    check(http.get(f"/api/documents/{waiting}/text"), 404, "revision_not_found")


def test_an_original_cannot_act_as_a_page_of_this_site(
    http: httpx.Client, uploader: Uploader, worker: MortalWorker
) -> None:
    page = b"<html><body><p>The tide turns.</p><script>alert(1)</script></body></html>"
    document = uploader.upload('a/b"c\u00e9.html', page).document_id
    worker.drain()
    reply = http.get(f"/api/documents/{document}/original")
    assert reply.content == page
    assert reply.headers["content-disposition"].startswith('attachment; filename="b_c_.html"')
    assert "filename*=UTF-8''b%22c%C3%A9.html" in reply.headers["content-disposition"]
    assert "sandbox" in reply.headers["content-security-policy"]
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_pdf_is_shown_where_it_is(
    http: httpx.Client, uploader: Uploader, worker: MortalWorker
) -> None:
    pdf = factories.pdf(["The tide turns at noon."])
    document = uploader.upload("guide.pdf", pdf).document_id
    worker.drain()
    reply = http.get(f"/api/documents/{document}/original")
    assert reply.content == pdf
    assert reply.headers["content-type"] == "application/pdf"
    assert reply.headers["content-disposition"].startswith("inline;")


def test_a_deleted_document_is_gone_from_every_address_at_once(
    http: httpx.Client, knowledge_base: SearchableBase, guide: int
) -> None:
    assert http.delete(f"/api/documents/{guide}").status_code == 204
    for path in ("", "/text", "/original"):
        check(http.get(f"/api/documents/{guide}{path}"), 404, "document_not_found")
    check(http.delete(f"/api/documents/{guide}"), 404, "document_not_found")
    base = f"/api/knowledge-bases/{knowledge_base.base.name}"
    assert http.get(f"{base}/documents").json()["total"] == 0
    assert http.get(f"{base}/search", params={"q": "tide"}).json()["results"] == []


def test_what_a_deleted_knowledge_base_owned_is_gone_with_it(
    http: httpx.Client, knowledge_base: SearchableBase, guide: int
) -> None:
    http.delete(f"/api/knowledge-bases/{knowledge_base.base.name}")
    check(http.get(f"/api/documents/{guide}/text"), 404, "document_not_found")
    check(http.delete(f"/api/documents/{guide}"), 404, "document_not_found")


def test_the_page_about_the_api_names_every_endpoint_and_loads_nothing_foreign(
    http: httpx.Client,
) -> None:
    page = http.get("/docs", headers={"accept": "text/html"})
    assert page.status_code == 200
    for path in http.get("/api/openapi.json").json()["paths"]:
        assert path in page.text
    assert 'src="http' not in page.text
    assert 'href="http' not in page.text


def test_tags_and_metadata_are_set_at_upload_and_later_and_searches_go_by_them(
    http: httpx.Client, knowledge_base: SearchableBase, worker: MortalWorker
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}"
    for name, tags, author in (("a.md", ["Tides", "north"], "Ann"), ("b.md", ["tides"], "Bob")):
        form = {"tags": tags, "metadata": json.dumps({"author": author})}
        files = {"files": (name, f"The tide of {name} turns at noon.".encode())}
        assert http.post(f"{path}/documents", files=files, data=form).status_code == 202
    worker.drain()
    documents = http.get(f"{path}/documents").json()["documents"]
    assert documents[0]["tags"] == ["Tides", "north"]
    assert documents[0]["metadata"] == {"author": "Ann"}

    def found(**asked: object) -> set[str]:
        results = http.get(f"{path}/search", params={"q": "tide", **asked}).json()["results"]
        return {result["document_name"] for result in results}

    assert found(tag="TIDES") == {"a.md", "b.md"}
    assert found(tag=["tides", "north"]) == {"a.md"}
    assert found(q="tide tag:north") == {"a.md"}
    assert found(metadata="Author:bob") == {"b.md"}
    assert found(metadata=["author:Ann", "author:Bob"]) == set()

    labels = f"/api/documents/{documents[0]['id']}/labels"
    assert http.put(labels, json={"tags": ["south"]}).json() == {"tags": ["south"], "metadata": {}}
    assert found(tag="north") == set()
    assert found(tag="south") == {"a.md"}
    again = {"files": ("a.md", b"The tide of a.md turns at noon.")}
    assert http.post(f"{path}/documents", files=again, data={"tags": ["east"]}).status_code == 202
    assert http.get(labels.removesuffix("/labels")).json()["tags"] == ["east", "south"]


def test_metadata_that_is_no_json_object_is_refused_before_anything_is_stored(
    http: httpx.Client, knowledge_base: SearchableBase
) -> None:
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/documents"
    for metadata in ("[1]", "{", '{"a": {"b": 1}}', '{"": "x"}'):
        reply = http.post(path, files={"files": ("a.md", b"A")}, data={"metadata": metadata})
        assert reply.status_code == 422, metadata
        assert reply.json()["error"]["remedy"]
    assert http.get(path).json()["total"] == 0
