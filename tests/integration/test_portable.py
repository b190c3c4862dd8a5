"""A knowledge base as one file: what is written comes back, and what was changed is refused."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.documents.labels import Labels
from app.errors import DamagedArchive, ProviderUnavailable
from app.ingestion.portable import Helped, Imported
from app.ingestion.uploads import Receipt
from tests.fakes import WatchedEmbedder
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

LONG = b"".join(b"The tide turns at %d.\n" % hour for hour in range(200))
QUESTION = "Who boards at the bar?"


@pytest.fixture
def filled(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> SearchableBase:
    """Two documents, one with labels, and a question with its passage."""
    services = knowledge_base.services
    labels = Labels(("harbour",), {"year": "2024"})
    guide = services.uploads.receive(
        knowledge_base.base, "guide.md", [b"# The bar\n\nThe pilot boards."], labels
    )
    uploader.upload("sub/long 🌊.txt", LONG)
    worker.drain()
    services.questions.save(
        knowledge_base.base.id, QUESTION, guide.document_id, "The pilot boards."
    )
    return knowledge_base


@pytest.fixture
def archive(filled: SearchableBase, tmp_path: Path) -> Path:
    return written(filled, tmp_path / "base.tar")


def written(base: SearchableBase, file: Path, *, vectors: bool = False) -> Path:
    base.services.exporter().write(base.base, file, vectors=vectors)
    return file


def other(knowledge_base: SearchableBase) -> SearchableBase:
    services = knowledge_base.services
    return SearchableBase(services, services.knowledge_bases.create(f"t-{uuid4().hex[:12]}"))


def read(there: SearchableBase, archive: Path) -> Imported:
    return there.services.importer().read(there.base, archive, unheard)


def unheard(_: Receipt) -> None:
    """Nobody asks."""


def files(archive: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            file = opened.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
    return found


def test_what_was_exported_is_there_again_with_its_bytes_text_labels_and_questions(
    filled: SearchableBase, worker: MortalWorker, archive: Path
) -> None:
    there = other(filled)
    services = there.services
    assert services.importer().name(archive) == filled.base.name
    assert read(there, archive) == Imported(documents=2, new=2, helped=Helped(questions=1))
    worker.drain()
    long = services.documents.by_name(there.base.id, "sub/long 🌊.txt")
    revision = services.documents.revision(long.id)
    assert b"".join(services.documents.original(revision)) == LONG
    guide = services.documents.by_name(there.base.id, "guide.md")
    here = services.documents.by_name(filled.base.id, "guide.md")
    assert services.documents.text(guide.id)[1] == services.documents.text(here.id)[1]
    assert services.documents.revision(guide.id).media_type == "text/markdown"
    assert services.documents.labels([guide.id])[guide.id] == Labels(("harbour",), {"year": "2024"})
    (question,) = services.questions.list(there.base.id)
    assert (question.text, question.right[0].document_name) == (QUESTION, "guide.md")
    assert "The pilot boards." in there.search("pilot").texts()[0]
    assert read(there, archive).new == 0
    assert len(services.questions.list(there.base.id)) == 1


def test_what_helps_with_questions_comes_along_and_what_is_there_of_it_stays(
    filled: SearchableBase, tmp_path: Path
) -> None:
    services, base = filled.services, filled.base
    guide = services.documents.by_name(base.id, "guide.md")
    gone = services.documents.by_name(base.id, "sub/long 🌊.txt")
    services.questions.save_unanswerable(base.id, "Who won at chess?")
    services.knowledge_bases.set_synonyms(base.name, [["quay", "pier"], ["gale", "storm"]])
    searches = services.saved_searches
    searches.save(base.id, "pilots", "q=pilot+%26+bar&tag=harbour")
    searches.save(base.id, "in the guide", f"q=bar&document={guide.id}&document={gone.id}")
    searches.save(base.id, "in what is gone", f"q=tide&document={gone.id}")
    services.deletion.delete(gone.id)
    archive = written(filled, tmp_path / "base.tar")

    there = other(filled)
    services.knowledge_bases.set_synonyms(there.base.name, [["tide", "stream"], ["quay", "pier"]])
    searches.save(there.base.id, "pilots", "q=their+own")
    came = read(there, archive).helped
    assert came == Helped(questions=2, searches=1, synonyms=1)
    assert [(q.text, q.unanswerable) for q in services.questions.list(there.base.id)] == [
        (QUESTION, False),
        ("Who won at chess?", True),
    ]
    assert services.knowledge_bases.get(there.base.name).synonyms == (
        ("tide", "stream"),
        ("quay", "pier"),
        ("gale", "storm"),
    )
    new = services.documents.by_name(there.base.id, "guide.md")
    assert {one.name: one.parameters for one in searches.list(there.base.id)} == {
        "pilots": "q=their+own",
        "in the guide": f"q=bar&document={new.id}",
    }
    again = read(there, archive).helped
    assert (again.searches, again.synonyms) == (0, 0)
    services.questions.save(there.base.id, "Who won at chess?", new.id, "The pilot boards.")
    read(there, archive)
    assert not any(question.unanswerable for question in services.questions.list(there.base.id))


def test_vectors_that_came_along_are_not_made_again(
    filled: SearchableBase, worker: MortalWorker, embedder: WatchedEmbedder, tmp_path: Path
) -> None:
    archive = written(filled, tmp_path / "with.tar", vectors=True)
    there = other(filled)

    def refuse(texts: Sequence[str]) -> None:
        if texts:
            raise ProviderUnavailable("It is not to be asked.")

    embedder.before = refuse
    chunks = filled.services.indexes.active(filled.base.id)
    assert chunks is not None
    assert read(there, archive).chunks == filled.rows("chunks_{index}")
    worker.drain()
    embedder.before = None
    assert there.search("pilot").texts() == filled.search("pilot").texts()
    index = there.services.indexes.active(there.base.id)
    assert index is not None
    assert vectors(there, index.id) == vectors(filled, chunks.id)


def vectors(base: SearchableBase, index_id: int) -> list[tuple[str, list[float]]]:
    rows = base.execute(
        f"SELECT content_hash, embedding FROM chunks_{index_id} "  # noqa: S608
        "ORDER BY start, content_hash"
    )
    return [(digest, json.loads(vector)) for digest, vector in rows]


def test_an_interrupted_export_goes_on_after_its_last_whole_document(
    filled: SearchableBase, archive: Path, tmp_path: Path
) -> None:
    whole = archive.read_bytes()
    with tarfile.open(archive) as opened:
        second = opened.getmember("documents/00000001/document.json").offset
        torn = opened.getmember("documents/00000001/original").offset_data + 1000
    resumed = tmp_path / "resumed.tar"
    for cut in (0, 700, second, torn, len(whole)):
        (tmp_path / "resumed.tar.part").write_bytes(whole[:cut])
        told: list[int] = []
        filled.services.exporter().write(
            filled.base, resumed, report=lambda done, _, told=told: told.append(done)
        )
        assert told == ([1, 2] if cut < second else [2] if cut < len(whole) else [])
        there, here = files(resumed), files(archive)
        there.pop("tidemark.json"), here.pop("tidemark.json")  # which has the time
        end, expected = json.loads(there.pop("end.json")), json.loads(here.pop("end.json"))
        assert there == here
        assert end["documents"] == expected["documents"]
        assert read(other(filled), resumed).documents == 2
    (tmp_path / "resumed.tar.part").write_bytes(whole[:torn])
    written(other(filled), resumed)
    assert [name for name in files(resumed) if name.startswith("documents/")] == []


def test_an_archive_that_was_changed_is_refused_before_the_document_is_stored(
    filled: SearchableBase, archive: Path
) -> None:
    there = other(filled)
    whole = archive.read_bytes()
    archive.write_bytes(whole.replace(b"The pilot boards.", b"The pilot drowns."))
    with pytest.raises(DamagedArchive, match=r"not those that it had"):
        read(there, archive)
    assert there.rows("documents", f"knowledge_base_id = {there.base.id}") == 0
    archive.write_bytes(whole.replace(b'"harbour"', b'"harlots"'))
    with pytest.raises(DamagedArchive, match=r"description .* was changed"):
        read(there, archive)
    assert there.services.questions.list(there.base.id) == ()


def test_documents_before_the_damaged_one_are_taken_in_and_told_of(
    filled: SearchableBase, archive: Path
) -> None:
    with tarfile.open(archive) as opened:
        second = opened.getmember("documents/00000001/text").offset_data
    whole = bytearray(archive.read_bytes())
    whole[second] ^= 1
    archive.write_bytes(whole)
    there, told = other(filled), list[str]()
    with pytest.raises(DamagedArchive, match=r"not those that it had"):
        there.services.importer().read(
            there.base, archive, lambda receipt: told.append(receipt.document_name)
        )
    assert told == ["guide.md"]
    assert there.rows("documents", f"knowledge_base_id = {there.base.id}") == 1


@given(st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_an_archive_that_is_cut_off_anywhere_or_is_another_file_is_refused(
    filled: SearchableBase, archive: Path, tmp_path: Path, data: st.DataObject
) -> None:
    whole = archive.read_bytes()
    with tarfile.open(archive) as opened:
        end = opened.getmember("end.json")
    cut = data.draw(st.integers(0, end.offset_data + end.size - 1))
    file = tmp_path / "cut.tar"
    file.write_bytes(whole[:cut])
    with pytest.raises(DamagedArchive):
        read(other(filled), file)
    with pytest.raises(DamagedArchive):
        read(other(filled), tmp_path / "missing.tar")
