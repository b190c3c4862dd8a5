"""What people say of a document: tags, and values by name. They outlive its revisions."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.documents.names import TURNING, UNSHOWABLE
from app.documents.tables import DocumentRow, LabelRow
from app.errors import InvalidRequest

LONGEST_NAME = 64  # characters
LONGEST_TAG = 200  # characters, of a tag and of a value
MOST = 100  # tags and values of one document
TAG = ""
"""The name of a label that is a tag: it has none."""


@dataclass(frozen=True)
class Labels:
    """A document's tags, in their order, and its metadata: values by name."""

    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tags or self.metadata)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """As (name, value); a tag's name is empty."""
        return (*((TAG, tag) for tag in self.tags), *self.metadata.items())

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Labels:
        ordered = sorted(pairs)
        tags = tuple(value for name, value in ordered if name == TAG)
        return cls(tags, {name: value for name, value in ordered if name != TAG})

    def joined(self, others: Labels) -> Labels:
        """These and those of `others`, whose values hold where both have one of a name."""
        tags = dict.fromkeys((*self.tags, *others.tags))
        return Labels(tuple(tags), {**self.metadata, **others.metadata})


def checked_labels(tags: Iterable[str], metadata: Mapping[str, str]) -> Labels:
    """The labels as they are kept: in one composition (NFC), without white space around them.

    Raises:
        InvalidRequest: one that is empty, too long or cannot be shown in a line; or too many.
    """
    kept = Labels(
        tuple(dict.fromkeys(_line(tag, LONGEST_TAG, "A tag") for tag in tags)),
        {
            _line(name, LONGEST_NAME, "A name in metadata"): _line(value, LONGEST_TAG, "A value")
            for name, value in metadata.items()
        },
    )
    if len(kept.pairs()) > MOST:
        raise InvalidRequest(
            f"A document has at most {MOST} tags and values; these are {len(kept.pairs())}.",
            remedy="Leave some of them out.",
        )
    return kept


def _line(text: str, longest: int, what: str) -> str:
    line = unicodedata.normalize("NFC", text).strip()
    if not 0 < len(line) <= longest:
        raise InvalidRequest(
            f"{what} has 1 to {longest} characters; {text[:80]!a} has {len(line)}.",
            remedy="Shorten it, or leave it out.",
        )
    if any(unicodedata.category(c) in UNSHOWABLE or c in TURNING for c in line):
        raise InvalidRequest(
            f"{what} is one line that can be shown; {text[:80]!a} is not.",
            remedy="Leave out control characters and line ends.",
        )
    return line


def read_labels(session: Session, document_ids: Collection[int]) -> dict[int, Labels]:
    """The labels of each of those documents that has some."""
    pairs: dict[int, list[tuple[str, str]]] = {}
    rows = session.execute(
        select(LabelRow.document_id, LabelRow.name, LabelRow.value).where(
            LabelRow.document_id.in_(document_ids)
        )
    )
    for document_id, name, value in rows:
        pairs.setdefault(document_id, []).append((name, value))
    return {document_id: Labels.of(each) for document_id, each in pairs.items()}


def write_labels(session: Session, document: DocumentRow, labels: Labels) -> None:
    """Let these be the document's labels; its row is to be locked already."""
    session.execute(delete(LabelRow).where(LabelRow.document_id == document.id))
    rows = [
        {"document_id": document.id, "name": name, "value": value} for name, value in labels.pairs()
    ]
    if rows:
        session.execute(insert(LabelRow), rows)


def add_labels(session: Session, document: DocumentRow, labels: Labels) -> None:
    """Let these be among the document's labels; its row is to be locked already."""
    present = read_labels(session, [document.id]).get(document.id, Labels())
    joined = present.joined(labels)
    if len(joined.pairs()) > MOST:
        raise InvalidRequest(
            f"A document has at most {MOST} tags and values.", remedy="Take some of its away first."
        )
    write_labels(session, document, joined)
