"""Help with questions: spelling, suggestions, synonyms, saved searches."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from app.errors import InvalidRequest, SearchNotFound
from app.indexes.headings import Headings
from app.retrieval.query import Mode, Query
from app.retrieval.query_syntax import typed_query
from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

GUIDE = """# Pilotage guide

Ships report to the harbour before they enter it.

## Harbour dues

A night at the quay costs 20 euros. The analyses of the water are in the annex.

## Schöne Aussicht

Von hier sieht man die Häuser am Hafen.
"""


@pytest.fixture
def library(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> SearchableBase:
    uploader.upload("guide.md", GUIDE)
    uploader.upload("tides.txt", "The tide turns at noon, and the harbour empties.")
    worker.drain()
    return knowledge_base


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("harbor dues", "harbour dues"),
        ("harbuor", "harbour"),
        ("hrabour name:guide -noon", "harbour name:guide -noon"),
        ("qharbour", "harbour"),
        ("the anallysis", "the analyses"),
        ("pilottage guid", "pilotage guid"),
        ("tdie", "tide"),
        ("what trun", "what turns"),
        ("harbour", None),
        ("HARBOURS and tides", None),
        ("what does that mean", None),
        ("xylophone", None),
        ("ERR_42 v8.5.4", None),
        ("渔民们在码头上等待", None),
        ("%arbo_r", None),
    ],
)
def test_words_that_no_document_has_are_put_as_the_documents_spell_them(
    services: Services, library: SearchableBase, typed: str, meant: str | None
) -> None:
    index = services.indexes.active(library.base.id)
    assert index is not None
    assert services.speller.did_you_mean(index, typed_query(typed)) == meant


def test_a_word_is_known_as_long_as_a_current_document_has_it(
    services: Services, library: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    def meant() -> str | None:
        index = services.indexes.active(library.base.id)
        assert index is not None
        return services.speller.did_you_mean(index, Query("keelhaul"))

    uploader.upload("words.txt", "Keelhauling, keelhauled, keelhauls; keelhaul.")
    worker.drain()
    assert meant() is None
    uploader.upload("words.txt", "The keelhaux is another word.")
    worker.drain()
    assert meant() == "keelhaux"


def test_titles_and_headings_are_suggested_by_how_their_words_begin(
    services: Services, library: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    index = services.indexes.active(library.base.id)
    assert index is not None
    headings = Headings(services.database)

    def suggested(typed: str) -> list[tuple[str, str]]:
        return [(one.text, one.kind) for one in headings.suggested(index, typed, 8)]

    assert suggested("har") == [("Harbour dues", "heading")]
    assert suggested("dues") == [("Harbour dues", "heading")]
    assert suggested("PILOTAGE  g") == [("Pilotage guide", "title")]
    assert suggested("schone") == [("Schöne Aussicht", "heading")]
    assert suggested("tides") == [("tides.txt", "title")]
    assert suggested("arbour") == []
    assert suggested(" ") == []
    assert len(headings.suggested(index, "h", 0)) == 0


def test_synonyms_are_looked_for_too_and_the_result_says_so(
    services: Services, library: SearchableBase, http: httpx.Client
) -> None:
    path = f"/api/knowledge-bases/{library.base.name}"
    query = {"q": "charges", "mode": "keyword"}
    assert http.get(f"{path}/search", params=query).json()["results"] == []
    groups = [["charges", "dues"], ["quay", "berth"]]
    assert http.put(f"{path}/synonyms", json={"groups": groups}).json() == {"groups": groups}
    assert http.get(f"{path}/synonyms").json() == {"groups": groups}
    found = http.get(f"{path}/search", params=query).json()
    best = found["results"][0]
    assert "dues" in best["evidence"]["word_weights"]
    assert [best["text"][start:end] for start, end in best["matches"]] == ["dues"]
    assert any("also for dues" in stage["detail"] for stage in found["stages"])
    assert http.put(f"{path}/synonyms", json={"groups": []}).json() == {"groups": []}
    assert http.get(f"{path}/search", params=query).json()["results"] == []
    assert http.put(f"{path}/synonyms", json={"groups": [["alone"]]}).status_code == 422


def test_the_true_place_of_what_a_synonym_found_counts_the_synonym(
    services: Services, library: SearchableBase
) -> None:
    services.knowledge_bases.set_synonyms(library.base.name, [["charges", "dues"]])
    base = services.knowledge_bases.get(library.base.name)
    guide = services.documents.by_name(base.id, "guide.md")
    told = services.explainer.explain(base, Query("charges", mode=Mode.KEYWORD), guide, 10)
    assert told.keyword_rank == 1


def test_saved_searches_keep_what_was_searched_for(
    services: Services, library: SearchableBase, http: httpx.Client
) -> None:
    path = f"/api/knowledge-bases/{library.base.name}/searches"
    new = {"saved_name": "Dues", "q": 'dues & "a night"', "type": ["markdown"], "mode": "keyword"}
    saved = http.post(path, json=new)
    assert saved.status_code == 201
    assert http.get(path).json() == {"searches": [saved.json()]}
    parameters = saved.json()["parameters"]
    assert {name: parameters[name] for name in ("q", "type", "mode")} == {
        name: new[name] for name in ("q", "type", "mode")
    }
    page = http.get(saved.json()["url"])
    assert page.status_code == 200
    assert "Harbour dues" in page.text
    again = http.post(path, json={"saved_name": " Dues ", "q": "noon"}).json()
    assert again["id"] == saved.json()["id"]
    assert [one["parameters"]["q"] for one in http.get(path).json()["searches"]] == ["noon"]
    for wrong in (
        {"saved_name": "", "q": "x"},
        {"saved_name": "x"},
        {"saved_name": "x" * 201, "q": "x"},
    ):
        assert http.post(path, json=wrong).status_code == 422
    other = services.knowledge_bases.create(f"{library.base.name}-2")
    with pytest.raises(SearchNotFound):
        services.saved_searches.delete(other.id, again["id"])
    assert http.delete(f"{path}/{again['id']}").status_code == 204
    assert http.get(path).json() == {"searches": []}


def test_what_was_saved_goes_with_its_knowledge_base(
    services: Services, library: SearchableBase, worker: MortalWorker
) -> None:
    base = services.knowledge_bases.create(f"{library.base.name}-gone")
    services.saved_searches.save(base.id, "Noon", "q=noon")
    services.knowledge_bases.delete(base.name)
    worker.clear()
    assert services.saved_searches.list(base.id) == ()


def test_a_knowledge_base_holds_no_more_saved_searches_than_a_page_can_show(
    services: Services, library: SearchableBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.documents.searches.MOST", 1)
    services.saved_searches.save(library.base.id, "one", "q=a")
    services.saved_searches.save(library.base.id, "one", "q=b")
    with pytest.raises(InvalidRequest):
        services.saved_searches.save(library.base.id, "two", "q=c")


def hidden_fields(page: str, action: str) -> dict[str, str]:
    body = page.split(f'action="{action}"')[1].split("</form>", maxsplit=1)[0]
    return {n: html.unescape(v) for n, v in re.findall(r'name="([^"]+)" value="([^"]*)"', body)}


def test_without_scripts_a_search_is_corrected_saved_found_again_and_forgotten(
    library: SearchableBase, http: httpx.Client
) -> None:
    name = library.base.name
    page = http.get("/", params={"q": "harbor dues", "knowledge-base": name}).text
    assert "Did you mean" in page
    assert "harbour dues</a>" in page
    page = http.get("/", params={"q": "harbour", "knowledge-base": name, "mode": "keyword"}).text
    assert "Did you mean" not in page
    fields = hidden_fields(page, "/searches")
    assert http.post("/searches", data={**fields, "name": "Of the harbour"}).status_code == 303
    page = http.get("/", params={"knowledge-base": name}).text
    assert "Of the harbour</a>" in page
    assert "mode=keyword" in page
    fields = hidden_fields(page, "/searches/delete")
    assert http.post("/searches/delete", data=fields).status_code == 303
    assert "Of the harbour" not in http.get("/", params={"knowledge-base": name}).text
    assert http.post("/searches", data={"knowledge-base": name, "name": "x"}).status_code == 422


def test_without_scripts_synonyms_are_written_a_group_a_line(
    library: SearchableBase, http: httpx.Client
) -> None:
    name = library.base.name
    written = "harbour, port , haven\r\n\r\nquay,berth"
    data = {"knowledge-base": name, "synonyms": written}
    assert http.post("/synonyms", data=data).status_code == 303
    page = http.get("/synonyms", params={"knowledge-base": name}).text
    assert "harbour, port, haven\nquay, berth</textarea>" in page
