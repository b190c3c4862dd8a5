"""Collections in the BEIR layout, and what is wrong with some."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.documents.names import document_name
from app.errors import InvalidCollection, InvalidName
from app.evaluation.collection import read_collection
from app.evaluation.naming import id_of, knowledge_base_name, name_of
from app.evaluation.run import Run

CORPUS = '{"_id": "tide", "title": "Tides", "text": "The moon pulls."}\n{"_id": "b", "text": "x"}\n'
QUESTIONS = '{"_id": "q1", "text": "what pulls?"}\n{"_id": "q2", "text": "not judged"}\n'
JUDGEMENTS = "query-id\tcorpus-id\tscore\nq1\ttide\t1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl").write_text(CORPUS)
    (tmp_path / "queries.jsonl").write_text(QUESTIONS)
    (tmp_path / "qrels.tsv").write_text(JUDGEMENTS)
    return tmp_path


def test_a_collection_has_its_documents_and_its_judged_questions(folder: Path) -> None:
    collection = read_collection(folder)
    assert collection.name == folder.name
    assert collection.questions == {"q1": "what pulls?"}
    assert collection.judgements == {"q1": {"tide": 1}}
    assert [document.content for document in collection.documents()] == [
        "Tides\n\nThe moon pulls.",
        "x",
    ]


def test_files_may_be_packed(folder: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl"):
        path = folder / name
        (folder / f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    collection = read_collection(folder)
    assert len(list(collection.documents())) == 2
    assert collection.questions == {"q1": "what pulls?"}


def test_judgements_may_lack_their_headings_and_lie_in_a_folder(folder: Path) -> None:
    (folder / "qrels.tsv").unlink()
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("q1\ttide\t2\r\nq2\tb\t0\r\n\n")
    assert read_collection(folder).judgements == {"q1": {"tide": 2}, "q2": {"b": 0}}


def test_ids_may_be_numbers_and_a_mark_of_byte_order_may_stand_first(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text(
        '\ufeff{"_id": 7, "text": "x"}\n\n{"_id": "8", "text": ""}'
    )
    assert [document.id for document in read_collection(folder).documents()] == ["7", "8"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("corpus.jsonl", CORPUS + "{", "corpus.jsonl', line 3: it is no JSON"),
        ("corpus.jsonl", CORPUS + "[1]", "line 3: it is no JSON object"),
        ("corpus.jsonl", CORPUS + '{"text": "x"}', "line 3: it has no _id"),
        ("corpus.jsonl", CORPUS + '{"_id": true, "text": "x"}', "line 3: it has no _id"),
        ("corpus.jsonl", CORPUS + '{"_id": "b", "text": "x"}', "line 3: the _id 'b' is there"),
        ("corpus.jsonl", CORPUS + '{"_id": "c", "text": null}', "line 3: `text`"),
        ("corpus.jsonl", CORPUS + "\udcff", "line 3: it is not UTF-8"),
        (
            "queries.jsonl",
            '{"_id": "q1", "text": " "}',
            "queries.jsonl', line 1: the question 'q1'",
        ),
        ("qrels.tsv", JUDGEMENTS + "q1\ttide", "qrels.tsv', line 3: it needs"),
        ("qrels.tsv", JUDGEMENTS + "q1\ttide\thigh", "line 3: it needs"),
        ("qrels.tsv", JUDGEMENTS + "q9\ttide\t1", "line 3: queries.jsonl has no question 'q9'"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\n", "judges no question"),
    ],
)
def test_what_is_wrong_is_told_with_its_file_and_line(
    folder: Path, file: str, content: str, said: str
) -> None:
    (folder / file).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InvalidCollection, match=re.escape(said)):
        list(read_collection(folder).documents())


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_file_that_is_not_there_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InvalidCollection, match=name):
        read_collection(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidCollection, match="nowhere"):
        read_collection(tmp_path / "nowhere")


def test_a_packed_file_that_breaks_off_is_told(folder: Path) -> None:
    packed = gzip.compress(os.urandom(3000).hex().encode())
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InvalidCollection, match="cannot be read further"):
        list(read_collection(folder).documents())


@settings(deadline=None)  # processors may be busy with other tests
@given(st.text(min_size=1, max_size=50))
def test_any_id_becomes_a_documents_name_and_comes_back(identifier: str) -> None:
    name = name_of(identifier)
    assert document_name(name) == name
    assert id_of(name) == identifier


@pytest.mark.parametrize("identifier", ["p1", "a:0", "ns/part-2", "文書 7"])
def test_an_id_that_may_be_a_name_is_kept_as_it_is(identifier: str) -> None:
    assert name_of(identifier) == f"{identifier}.txt"


@pytest.mark.parametrize(
    "identifier", ["https://a.org/x#y", "../x", "50%", "100%25", "a\nb", " a", "e\u0301", "\ud800"]
)
def test_an_id_that_may_not_be_a_name_comes_back_all_the_same(identifier: str) -> None:
    assert id_of(name_of(identifier)) == identifier


def test_an_id_that_is_too_long_for_a_name_is_refused() -> None:
    with pytest.raises(InvalidName):
        name_of("x" * 501)


@pytest.mark.parametrize(
    ("folder_name", "base"),
    [
        ("scifact", "evaluate-scifact"),
        ("My Set (v2)", "evaluate-my-set-v2"),
        ("x" * 200, "evaluate-" + "x" * 40),
    ],
)
def test_a_collections_knowledge_base_is_named_after_its_folder(
    folder_name: str, base: str
) -> None:
    assert knowledge_base_name(folder_name) == base


def test_a_folder_without_a_plain_letter_has_a_knowledge_base_of_its_own_too() -> None:
    assert knowledge_base_name("文書") != knowledge_base_name("質問")


def test_a_run_is_written_as_trec_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    Run("tag", {"q 1": (("b", 0.5), ("a\tc", 0.25))}).write(path)
    assert path.read_text() == "q%201 Q0 b 1 0.5 tag\nq%201 Q0 a%09c 2 0.25 tag\n"


def test_a_line_of_the_corpus_is_read_when_it_is_used(folder: Path) -> None:
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write("not JSON\n")
    documents = read_collection(folder).documents()
    assert next(documents).id == "tide"
    assert next(documents).id == "b"
