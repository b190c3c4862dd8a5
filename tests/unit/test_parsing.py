from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import EmptyDocument, ParserUnavailable, UnreadableDocument, UnsupportedMediaType
from app.ingestion.parsers import registry
from app.ingestion.parsing import Limits, Parsing, ParsingStopped
from app.ingestion.priority import NICE
from tests.factories import docx, eml, epub, notebook, odf, pdf, pptx, tar_of, xlsx, zip_of, zipped
from tests.waiting import PATIENCE

HOSTILE = "tests.unit.hostile_parsers:parse"


@pytest.fixture(scope="module")
def parsing() -> Iterator[Parsing]:
    made = Parsing(Limits(seconds=20, memory_megabytes=200, characters=1_000_000), HOSTILE)
    yield made
    made.close()


@pytest.fixture
def hurried() -> Iterator[Parsing]:
    made = Parsing(Limits(seconds=0.5), HOSTILE)
    yield made
    made.close()


def process_of(parsing: Parsing) -> int:
    return int(parsing.parse(b"process", "a.txt").text.text)


def test_parsers_leave_the_processors_to_those_who_search(parsing: Parsing) -> None:
    assert os.getpriority(os.PRIO_PROCESS, process_of(parsing)) >= NICE


def test_a_text_comes_out_as_the_parser_gave_it(parsing: Parsing) -> None:
    for data, name in ((b"# A\n\nb \xc3\xa9 \xf0\x9f\x8c\x8a", "a.md"), (pdf(["words"]), "a.pdf")):
        assert parsing.parse(data, name) == registry.parse(data, name)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (docx("# A", "words"), "a.docx"),
        (xlsx(A=[["a", "b"], ["1", "words"]]), "a.xlsx"),
        (pptx(("A", ["words"])), "a.pptx"),
        (epub("<p>words"), "a.epub"),
        (eml("words", attached={"a.txt": b"more"}), "a.eml"),
        (notebook(("code", "words", "")), "a.ipynb"),
        (odf("text", "<text:p>words</text:p>"), "a.odt"),
        (tar_of({"a.csv": b"a,b\n1,words\n"}, "xz"), "a.txz"),
        (zip_of({"a.json": '{"a": "words"}', "b.xml": "<?xml version='1.0'?><a>b</a>"}), "a.zip"),
        (b"{\\rtf1 words}", "a.rtf"),
        ("naïve words".encode("cp1252"), "a.py"),
    ],
)
def test_confined_parsers_still_read_every_kind(parsing: Parsing, data: bytes, name: str) -> None:
    assert parsing.parse(data, name) == registry.parse(data, name)


def test_a_refusal_comes_out_as_the_parser_gave_it(parsing: Parsing) -> None:
    with pytest.raises(EmptyDocument, match="The file is empty"):
        parsing.parse(b" ", "a.txt")
    with pytest.raises(UnsupportedMediaType) as refused:
        parsing.parse(b"OggS" + bytes(50), "a.txt")
    assert refused.value.remedy == UnsupportedMediaType.remedy


def test_documents_share_a_process(parsing: Parsing) -> None:
    assert process_of(parsing) == process_of(parsing) != os.getpid()


@pytest.mark.parametrize("data", [b"loop", b"loop in C"])
def test_a_parser_in_a_loop_costs_its_document_only(hurried: Parsing, data: bytes) -> None:
    before = process_of(hurried)
    with pytest.raises(UnreadableDocument, match="took longer than"):
        hurried.parse(data, "a.txt")
    assert process_of(hurried) != before


def test_a_parser_that_eats_memory_costs_its_document_only(parsing: Parsing) -> None:
    with pytest.raises(UnreadableDocument, match="more than 200 MB of memory"):
        parsing.parse(b"eat", "a.txt")
    assert parsing.parse(b"words", "a.txt").text.text == "words"


def test_a_parser_that_crashes_costs_its_document_only(parsing: Parsing) -> None:
    with pytest.raises(UnreadableDocument, match="crashed the parser"):
        parsing.parse(b"abort", "a.txt")
    assert parsing.parse(b"words", "a.txt").text.text == "words"


def test_a_small_file_of_endless_text_is_refused(parsing: Parsing) -> None:
    with pytest.raises(UnreadableDocument, match="more than 1,000,000 characters"):
        parsing.parse(b"long", "a.txt")


def test_a_bomb_is_refused(parsing: Parsing) -> None:
    with pytest.raises(UnreadableDocument):
        parsing.parse(zipped(word__document_dot_xml=b"<w>" + b" " * 60_000_000), "a.docx")


def test_a_parser_cannot_write_files(parsing: Parsing, tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument):
        parsing.parse(f"write {tmp_path / 'file'}".encode(), "a.txt")
    assert not (tmp_path / "file").exists()


def test_a_parser_cannot_reach_the_network(parsing: Parsing) -> None:
    with pytest.raises(UnreadableDocument):
        parsing.parse(b"call 9", "a.txt")


def test_a_parser_knows_no_settings(parsing: Parsing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_CHAT_API_KEY", "secret")
    fresh = Parsing(parse_function=HOSTILE)
    assert "TIDEMARK" not in fresh.parse(b"environment", "a.txt").text.text
    fresh.close()


def test_a_parent_with_much_memory_keeps_its_process_all_the_same() -> None:
    kept = Limits().kept_megabytes * 1_000_000
    held = bytearray(kept)
    held[:: resource.getpagesize()] = b"x" * len(range(0, kept, resource.getpagesize()))
    parsing = Parsing(parse_function=HOSTILE)
    assert process_of(parsing) == process_of(parsing)
    parsing.close()


def test_what_ends_the_parent_politely_does_not_cost_a_document(parsing: Parsing) -> None:
    os.kill(process_of(parsing), signal.SIGTERM)
    assert parsing.parse(b"words", "a.txt").text.text == "words"


def test_a_process_that_is_gone_is_replaced(parsing: Parsing) -> None:
    process = process_of(parsing)
    ended = os.pidfd_open(process)
    os.kill(process, signal.SIGKILL)
    assert select.select([ended], [], [], 20)[0]
    os.close(ended)
    assert process_of(parsing) != process


def test_a_document_nobody_waits_for_is_given_up(parsing: Parsing) -> None:
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(ParsingStopped):
        parsing.parse(b"loop", "a.txt", stop.is_set)
    assert parsing.parse(b"words", "a.txt", threading.Event().is_set).text.text == "words"


def test_nobody_waits_for_a_process_to_begin_whose_text_is_not_wanted_any_more() -> None:
    parsing = Parsing(parse_function="tests.unit.never_ready:parse")
    with pytest.raises(ParsingStopped):
        parsing.parse(b"text", "text.txt", lambda: True)


def test_many_threads_may_parse_at_once(parsing: Parsing) -> None:
    texts = [f"text {number} " * 100 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        parsed = list(pool.map(lambda text: parsing.parse(text.encode(), "a.txt"), texts))
    assert [each.text.text for each in parsed] == texts


def test_parsers_that_cannot_be_begun_are_no_fault_of_the_document() -> None:
    with pytest.raises(ParserUnavailable) as refused:
        Parsing(parse_function="app.nowhere:parse").parse(b"words", "a.txt")
    assert refused.value.retryable


def test_closing_ends_the_processes() -> None:
    parsing = Parsing(parse_function=HOSTILE)
    process = process_of(parsing)
    parsing.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


PARENT = """
import sys, threading
from app.ingestion.parsing import Parsing
parsing = Parsing(parse_function="tests.unit.hostile_parsers:parse")
print(parsing.parse(b"process", "a.txt").text.text, flush=True)
parsing.parse(sys.argv[1].encode(), "a.txt")
"""


@pytest.mark.parametrize("document", ["words", "loop", "loop in C"])
def test_a_parent_that_is_killed_leaves_no_process_behind(document: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT + ("input()" if document == "words" else ""), document],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with parent:
        assert parent.stdout
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    assert select.select([child], [], [], PATIENCE)[0], "the process outlives its parent"
    os.close(child)


def test_a_hot_process_costs_little_a_document(parsing: Parsing) -> None:
    began = time.perf_counter()
    fresh = Parsing(parse_function=HOSTILE)
    fresh.parse(b"words", "a.txt")
    cold = time.perf_counter() - began
    fresh.close()
    parsing.parse(b"words", "a.txt")
    began = time.perf_counter()
    for _ in range(200):
        parsing.parse(b"A short note.\n" * 20, "a.txt")
    hot = time.perf_counter() - began
    assert hot < 20 * cold, (hot, cold)
