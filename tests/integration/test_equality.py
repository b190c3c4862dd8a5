"""However a document came to its text, the index holds the same of it; and the same bytes nothing.

The documents, and what is made of them from one version to the next, are drawn at random.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from app.indexes.chunk_table import chunk_ids_of
from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

PARTS = st.sampled_from(
    [
        "# Tides\n\n",
        "## Ships\n\n",
        "The tide turns at noon on days of a new moon.\n\n",
        "Ships leave with the ebb, and come back with the flood.\n\n",
        "| buoy | depth |\n|---|---|\n| red | 4 m |\n| green | 7 m |\n\n",
        "```\nturn(tide)\n```\n\n",
        "Die Flut kommt am Abend wieder 🌊.\n\n",
        "潮は正午に変わる。\n\n",
        "noon ",
    ]
)
TEXTS = st.lists(PARTS, min_size=1, max_size=9).map("".join)
VERSIONS = st.lists(TEXTS, min_size=2, max_size=4)
AS_FEW_AS_SUFFICE = drawn(max_examples=8, deadline=None)


@pytest.fixture(scope="module")
def bases(services: Services) -> Iterator[tuple[SearchableBase, SearchableBase]]:
    """Two knowledge bases, each with an index of its own: one is for what is new alone."""
    made = [services.knowledge_bases.create(f"equal-{uuid4().hex[:12]}") for _ in range(2)]
    yield SearchableBase(services, made[0]), SearchableBase(services, made[1])
    for base in made:
        services.knowledge_bases.delete(base.name)


def ingested(base: SearchableBase, *versions: str) -> int:
    """The id of a document of its own that had these versions."""
    uploader, worker = Uploader(base.services, base.base), MortalWorker(base.services, base.base)
    name = f"{uuid4().hex}.md"
    for version in versions:
        document_id = uploader.upload(name, version).document_id
        worker.drain()
    return document_id


def held(base: SearchableBase, document_id: int) -> list[dict[str, Any]]:
    """What the index holds of a document, without what names the revision."""
    index = base.services.indexes.active(base.base.id)
    assert index is not None
    first, last = chunk_ids_of(base.services.documents.revision(document_id).id)

    def rows(columns: str, table: str, key: str) -> list[Any]:
        return base.execute(
            f"SELECT {columns} FROM {table}_{index.id} "  # noqa: S608
            f"WHERE {key} >= {first} AND {key} < {last} ORDER BY 1, 2"
        )

    columns = "id, start, end, page, section_path, content_hash, content, embedding"
    chunks = rows(columns, "chunks", "id")
    postings = rows("chunk_id, term, tf, length", "postings", "chunk_id")
    signed = {row.chunk_id for row in rows("*", "signatures", "chunk_id")}
    assert signed == {chunk.id for chunk in chunks}
    return [
        {
            "ordinal": chunk.id - first,
            "chunk": tuple(chunk[1:7]),
            "terms": [tuple(row[1:]) for row in postings if row.chunk_id == chunk.id],
            "vector": np.asarray(json.loads(chunk.embedding)),
        }
        for chunk in chunks
    ]


@AS_FEW_AS_SUFFICE
@given(VERSIONS)
def test_a_document_that_was_updated_is_held_as_one_that_is_new(
    bases: tuple[SearchableBase, SearchableBase], versions: list[str]
) -> None:
    updated, new = bases
    mine = held(updated, ingested(updated, *versions))
    theirs = held(new, ingested(new, versions[-1]))
    # Vectors of one text differ in the last digits with what else was in its batch.
    for one, other in zip(mine, theirs, strict=True):
        assert np.allclose(one.pop("vector"), other.pop("vector"), atol=1e-4)
    assert mine == theirs


@AS_FEW_AS_SUFFICE
@given(TEXTS)
def test_the_same_bytes_again_leave_everything_as_it_was_and_all_of_it_is_in_a_chunk(
    bases: tuple[SearchableBase, SearchableBase], text: str
) -> None:
    base, _ = bases
    document_id = ingested(base, text)
    before = held(base, document_id)
    documents = base.services.documents
    revisions = documents.revisions(document_id)
    again = Uploader(base.services, base.base).upload(documents.get(document_id).name, text)
    assert again.unchanged
    MortalWorker(base.services, base.base).drain()
    after = held(base, document_id)
    for one, other in zip(before, after, strict=True):
        assert (one.pop("vector") == other.pop("vector")).all()
    assert before == after
    assert documents.revisions(document_id) == revisions
    whole = documents.text(document_id)[1].text
    uncovered = list(whole)
    for each in after:
        start, end = each["chunk"][:2]
        assert whole[start:end] == each["chunk"][5]
        uncovered[start:end] = " " * (end - start)
    assert "".join(uncovered).strip() == ""
