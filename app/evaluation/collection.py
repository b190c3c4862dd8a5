"""Judged collections in the BEIR layout: a corpus, questions, and which documents answer them.

`corpus.jsonl` (`_id`, `text`, perhaps `title`), `queries.jsonl` (`_id`, `text`), both also as
`.jsonl.gz`; `qrels.tsv` or `qrels/test.tsv` (question, document, relevance; with or without a line
of headings). See github.com/beir-cellar/beir/wiki/Load-your-custom-dataset.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidCollection

CORPUS = ("corpus.jsonl", "corpus.jsonl.gz")
QUESTIONS = ("queries.jsonl", "queries.jsonl.gz")
JUDGEMENTS = ("qrels.tsv", "qrels/test.tsv")
COLUMNS = 3  # of the judgements


@dataclass(frozen=True)
class CollectionDocument:
    """A document of the corpus; `line` is where it stands, from 1."""

    id: str
    title: str
    text: str
    line: int

    @property
    def content(self) -> str:
        """What is ingested: the title, an empty line, the text."""
        return f"{self.title}\n\n{self.text}" if self.title else self.text


@dataclass(frozen=True)
class Collection:
    """A collection whose questions and judgements are read; its corpus is read as it is used."""

    name: str
    corpus: Path
    questions: Mapping[str, str]
    """The judged questions' text by id, in the order of their file."""
    judgements: Mapping[str, Mapping[str, int]]
    """Relevance by question id and document id."""

    def documents(self) -> Iterator[CollectionDocument]:
        """The corpus, one document at a time.

        Raises:
            InvalidCollection: at the line that is wrong.
        """
        seen: set[str] = set()
        for line, entry in _entries(self.corpus):
            identifier = _identifier(entry, self.corpus, line)
            if identifier in seen:
                raise _wrong(self.corpus, line, f"the _id {identifier!r} is there already")
            seen.add(identifier)
            title = entry.get("title") or ""
            text = entry.get("text")
            if not isinstance(text, str) or not isinstance(title, str):
                raise _wrong(self.corpus, line, "`text`, and `title` if there is one, must be text")
            yield CollectionDocument(identifier, title, text, line)


def read_collection(folder: Path) -> Collection:
    """The collection in `folder`, named as the folder is.

    Raises:
        InvalidCollection: a file is missing or wrong; the message has its name and the line.
    """
    if not folder.is_dir():
        raise InvalidCollection(f"There is no folder {str(folder)!r}.")
    corpus = _file(folder, CORPUS)
    questions_file = _file(folder, QUESTIONS)
    judgements = _judgements(_file(folder, JUDGEMENTS), questions_file)
    questions = _questions(questions_file, set(judgements))
    return Collection(
        folder.resolve().name, corpus, questions, {each: judgements[each] for each in questions}
    )


def _file(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InvalidCollection(f"{str(folder)!r} has no {' or '.join(names)}.")


def _questions(path: Path, judged: set[str]) -> dict[str, str]:
    questions: dict[str, str] = {}
    for line, entry in _entries(path):
        identifier = _identifier(entry, path, line)
        if identifier not in judged:
            continue
        text = entry.get("text")
        if not isinstance(text, str) or not text.strip():
            raise _wrong(path, line, f"the question {identifier!r} has no text")
        if identifier in questions:
            raise _wrong(path, line, f"the _id {identifier!r} is there already")
        questions[identifier] = text
    return questions


def _judgements(path: Path, questions_file: Path) -> dict[str, dict[str, int]]:
    known = {_identifier(entry, questions_file, line) for line, entry in _entries(questions_file)}
    judgements: dict[str, dict[str, int]] = {}
    for line, text in _lines(path):
        columns = text.rstrip("\r\n").split("\t")
        if not text.strip() or (line == 1 and not _is_number(columns[-1])):
            continue
        if len(columns) != COLUMNS or not _is_number(columns[2]):
            raise _wrong(
                path, line, "it needs a question's id, a document's id and a whole number, by tabs"
            )
        question, document, grade = columns
        if question not in known:
            raise _wrong(path, line, f"{questions_file.name} has no question {question!r}")
        judgements.setdefault(question, {})[document] = int(grade)
    if not judgements:
        raise InvalidCollection(f"{str(path)!r} judges no question.")
    return judgements


def _is_number(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal()


def _identifier(entry: dict[str, object], path: Path, line: int) -> str:
    identifier = entry.get("_id")
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        return str(identifier)
    if not isinstance(identifier, str) or not identifier:
        raise _wrong(path, line, "it has no _id")
    return identifier


def _entries(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Each line's JSON object, with the line's number; empty lines are left out."""
    for line, text in _lines(path):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
        except json.JSONDecodeError as error:
            raise _wrong(path, line, f"it is no JSON ({error.msg} at {error.colno})") from error
        if not isinstance(entry, dict):
            raise _wrong(path, line, "it is no JSON object")
        yield line, entry


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    line = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for line, raw in enumerate(file, start=1):
                yield line, raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise _wrong(path, line, "it is not UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise _wrong(path, line + 1, f"the file cannot be read further ({error})") from error


def _wrong(path: Path, line: int, reason: str) -> InvalidCollection:
    return InvalidCollection(
        f"{str(path)!r}, line {line}: {reason}.", remedy="Mend that line, and evaluate again."
    )
