"""The map of a knowledge base, over HTTP and on its page."""

from __future__ import annotations

import re

import httpx
import numpy as np
import pytest

from app.documents.labels import Labels
from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.waiting import wait_until

SEA = [
    "The tide turns at noon and the ebb runs out of the harbour.",
    "At high tide the harbour master opens the harbour gate.",
    "The pilot boards ships at the harbour buoy before the tide turns.",
    "Ships wait for the tide outside the harbour.",
]
KITCHEN = [
    "Soak the beans overnight, then simmer the beans with bay leaves.",
    "Fry the onions in butter until the onions are soft, and add the beans.",
    "Simmer the soup with onions, carrots and beans for an hour.",
    "Knead the dough, let it rise, and bake the bread with onions.",
]


@pytest.fixture(scope="module")
def library(services: Services) -> SearchableBase:
    base = services.knowledge_bases.create("map-of-things")
    uploader = Uploader(services, base)
    for number, text in enumerate(SEA):
        uploader.upload(f"sea-{number}.md", text)
    for number, text in enumerate(KITCHEN):
        uploader.upload(f"kitchen-{number}.md", text)
    uploader.upload("copy.md", f"{SEA[0]} ")
    MortalWorker(services, base).drain()
    for number in range(3):
        for kind, tag in (("sea", "tides"), ("kitchen", "recipes")):
            document = services.documents.by_name(base.id, f"{kind}-{number}.md")
            services.documents.set_labels(document.id, Labels((tag,)))
    return SearchableBase(services, base)


def test_a_documents_vector_is_the_mean_of_its_chunks(
    services: Services, library: SearchableBase
) -> None:
    index = services.indexes.active(library.base.id)
    assert index is not None
    found = services.maps.reader.read(index)
    assert len(found.documents) == 9
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    place = [document.name for document in found.documents].index("sea-0.md")
    query = services.embedder.embed_documents([SEA[0]])[0]
    assert float(found.vectors[place] @ np.array(query)) > 0.9


def test_the_map_has_clusters_with_names_and_knows_the_copy(
    library: SearchableBase, http: httpx.Client
) -> None:
    found = http.get(f"/api/knowledge-bases/{library.base.name}/map").json()
    clusters = {each["document_name"]: each["cluster"] for each in found["documents"]}
    assert len({clusters[f"sea-{n}.md"] for n in range(4)}) == 1
    assert len({clusters[f"kitchen-{n}.md"] for n in range(4)}) == 1
    assert clusters["sea-0.md"] != clusters["kitchen-0.md"]
    assert "tide" in found["clusters"][clusters["sea-0.md"]]["name"]
    pairs = [
        {one["one"]["document_name"], one["other"]["document_name"]} for one in found["duplicates"]
    ]
    assert {"sea-0.md", "copy.md"} in pairs


def test_documents_and_texts_are_classified_by_those_that_have_tags(
    library: SearchableBase, http: httpx.Client
) -> None:
    path = f"/api/knowledge-bases/{library.base.name}/classification"
    found = http.get(path).json()
    assert found["labelled"] == 6
    assert found["right"] >= 5
    guessed = {
        each["document_name"]: each["classified"]["guesses"][0]["label"]
        for each in found["documents"]
    }
    assert guessed == {"sea-3.md": "tides", "kitchen-3.md": "recipes", "copy.md": "tides"}
    told = http.post(path, json={"text": "The ship enters the harbour with the tide."}).json()
    assert told["guesses"][0]["label"] == "tides"
    assert http.get(path, params={"by": "author"}).status_code == 422
    assert http.post(path, json={"text": " "}).status_code == 422


def test_two_texts_are_compared(library: SearchableBase, http: httpx.Client) -> None:
    path = f"/api/knowledge-bases/{library.base.name}/similarity"

    def alike(one: str, other: str) -> float:
        return float(http.post(path, json={"one": one, "other": other}).json()["similarity"])

    assert alike(SEA[0], SEA[0]) == pytest.approx(1, abs=1e-3)
    assert alike(SEA[0], SEA[1]) > alike(SEA[0], KITCHEN[0])
    assert http.post(path, json={"one": "a", "other": ""}).status_code == 422


def test_without_scripts_the_page_draws_lists_classifies_and_compares(
    library: SearchableBase, http: httpx.Client
) -> None:
    asked: dict[str, str] = {
        "knowledge-base": library.base.name,
        "by": "",
        "one": SEA[0],
        "other": SEA[1],
    }
    wait_until(
        lambda: "is being drawn" not in http.get("/map", params=asked).text,
        "the map was not drawn",
        look=0.2,
    )
    page = http.get("/map", params=asked).text
    assert page.count("<circle") == 9
    assert "Nearly the same" in page
    assert re.search(r"tides \d\d%", page)
    assert "Cosine similarity" in page
    empty = library.services.knowledge_bases.create("map-of-nothing")
    page = http.get("/map", params={"knowledge-base": empty.name}).text
    assert "Nothing to draw yet" in page
    none = http.get(f"/api/knowledge-bases/{empty.name}/map").json()
    assert none == {"documents": [], "clusters": [], "duplicates": [], "left_out": 0}
    refused = http.get("/map", params={"knowledge-base": empty.name, "one": "a"})
    assert refused.status_code == 422
