"""A citation's quote after its document has changed, and the page of a PDF that it stands on."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.factories import pdf
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

GUIDE = "The tide turns at noon. Ships sail at dusk."


@pytest.fixture
def guide(knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker) -> Any:
    uploader.upload("guide.md", GUIDE)
    worker.drain()
    return knowledge_base.services.documents.by_name(knowledge_base.base.id, "guide.md")


def quote(http: httpx.Client, document: Any, quoted: str, text: str = GUIDE) -> Any:
    start = text.index(quoted)
    asked = {
        "revision": document.current_revision_id,
        "start": start,
        "end": start + len(quoted),
    }
    reply = http.get(f"/api/documents/{document.id}/quote", params=asked)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_quote_of_the_current_revision_has_nothing_newer(http: httpx.Client, guide: Any) -> None:
    found = quote(http, guide, "Ships sail at dusk.")
    assert found["text"] == "Ships sail at dusk."
    assert found["newer"] is None
    assert found["picture"] is None


def test_of_a_newer_revision_it_is_told_whether_the_words_still_stand_there(
    http: httpx.Client, guide: Any, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("guide.md", "# Changed\n\nThe tide turns at one. Ships sail\nat dusk.")
    worker.drain()
    kept = quote(http, guide, "Ships sail at dusk.")["newer"]
    assert kept["still_there"] is True
    assert kept["revision"]["number"] == 2
    assert "start=34" in kept["url"]
    assert quote(http, guide, "The tide turns at noon.")["newer"]["still_there"] is False
    there = {"revision": guide.current_revision_id, "start": 24, "end": 43}
    page = http.get(f"/documents/{guide.id}", params=there)
    assert "There is a newer one, in which the marked words still stand." in page.text
    gone = http.get(f"/documents/{guide.id}", params={**there, "start": 0, "end": 23})
    assert "in which the marked words do not stand any more" in gone.text


def test_the_page_of_a_pdf_is_drawn_with_the_quote_boxed(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("tables.pdf", pdf(["Times are in UTC."], ["At springs it rises 4.1 metres."]))
    worker.drain()
    documents = knowledge_base.services.documents
    document = documents.by_name(knowledge_base.base.id, "tables.pdf")
    _, text = documents.text(document.id)
    found = quote(http, document, "At springs it rises 4.1 metres.", text.text)
    assert found["page"] == 2
    reply = http.get(found["picture"])
    assert reply.headers["content-type"] == "image/png"
    assert "immutable" in reply.headers["cache-control"]
    image = Image.open(BytesIO(reply.content)).convert("RGB")
    assert (255, 238, 160) in {colour for _, colour in image.getcolors(1 << 20) or ()}
    shown = http.get(
        f"/documents/{document.id}",
        params={
            "revision": document.current_revision_id,
            "start": text.text.index("At springs"),
            "end": len(text.text),
        },
    )
    assert "Page 2 as it looks" in shown.text


def test_only_the_pages_of_a_pdf_are_drawn(http: httpx.Client, guide: Any) -> None:
    reply = http.get(f"/api/documents/{guide.id}/page", params={"start": 0, "end": 5})
    assert reply.status_code == 422
    assert "Only the pages of a PDF" in reply.json()["error"]["message"]


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 2), (10_000, 10_005)])
def test_offsets_at_which_nothing_stands_are_refused(
    http: httpx.Client, guide: Any, start: int, end: int
) -> None:
    reply = http.get(f"/api/documents/{guide.id}/quote", params={"start": start, "end": end})
    assert reply.status_code == 422
    assert "No quote stands" in reply.json()["error"]["message"]
