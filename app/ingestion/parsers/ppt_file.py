"""The binary PowerPoint format as far as text needs it: its records, and the slides in their order.

As [MS-PPT] has it: https://learn.microsoft.com/openspecs/office_file_formats/ms-ppt. Everything is
a record, and some hold records. A file that was saved several times has old states of slides in it:
the directory of the last save says where the present ones are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from olefile import OleFileIO

from app.errors import PasswordProtected

MOST_RECORDS = 2_000_000
DEEPEST = 50
_ENCRYPTED = 0xF3D1C4DF
_HEADER = 8
_HOLDS_RECORDS = 0xF


class Kind(IntEnum):
    """The types of the records that are looked at."""

    SLIDE_ATOM = 0x03EF
    SLIDE_PERSIST = 0x03F3
    TEXT_HEADER = 0x0F9F
    TEXT_REFERENCE = 0x0F9E
    TEXT_WIDE = 0x0FA0
    TEXT_NARROW = 0x0FA8
    SLIDE_LIST = 0x0FF0
    USER_EDIT = 0x0FF5
    DIRECTORY = 0x1772


class TextKind(IntEnum):
    """What a text is on its slide."""

    TITLE = 0
    BODY = 1
    NOTES = 2
    OTHER = 4
    CENTRE_BODY = 5
    CENTRE_TITLE = 6
    HALF_BODY = 7
    QUARTER_BODY = 8

    @classmethod
    def of(cls, number: int) -> TextKind:
        try:
            return cls(number)
        except ValueError:
            return cls.OTHER


@dataclass
class Slide:
    """Its texts in order, and what is noted under it."""

    texts: list[tuple[TextKind, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Record:
    kind: int
    instance: int
    body: bytes
    holds_records: bool


@dataclass(frozen=True)
class _Listed:
    """A slide as the document lists it, with the texts of its outline."""

    place: int
    """Its number in the directory."""
    id: int
    texts: list[tuple[TextKind, str]]


def slides_of(container: OleFileIO[str]) -> Iterator[Slide]:
    """The slides, in their order.

    Raises:
        PasswordProtected
        struct.error, KeyError, ValueError, OSError: it is damaged.
    """
    current = container.openstream("Current User").read()
    token, at = struct.unpack_from("<II", current, _HEADER + 4)
    if token == _ENCRYPTED or container.exists("EncryptedSummary"):
        raise PasswordProtected("The file is a PowerPoint presentation under a password.")
    stream = container.openstream("PowerPoint Document").read()
    directory, document = _directory(stream, at)
    slides: list[_Listed] = []
    notes: dict[int, _Listed] = {}
    for each in _records(_record_at(stream, directory[document]).body):
        if each.kind == Kind.SLIDE_LIST and each.instance == 0:
            slides = list(_listed(each.body))
        elif each.kind == Kind.SLIDE_LIST and each.instance == 2:  # noqa: PLR2004 - of notes
            notes = {listed.id: listed for listed in _listed(each.body)}
    for listed in slides:
        body = _record_at(stream, directory[listed.place]).body
        slide = Slide(list(_texts(body, listed.texts)))
        # Texts of the outline that no shape shows: of a slide whose shapes are elsewhere.
        if not slide.texts:
            slide.texts = listed.texts
        noted = notes.get(_notes_of(body))
        if noted is not None and noted.place in directory:
            told = _texts(_record_at(stream, directory[noted.place]).body, noted.texts)
            slide.notes = [text for kind, text in told if kind is TextKind.NOTES]
        yield slide


def _directory(stream: bytes, at: int) -> tuple[dict[int, int], int]:
    """Where each object of the last save is, and which one the document is."""
    places: dict[int, int] = {}
    document, seen = 0, set[int]()
    while at and at not in seen:
        seen.add(at)
        edit = _record_at(stream, at)
        if edit.kind != Kind.USER_EDIT:
            raise ValueError("no save")
        before, listed, first = struct.unpack_from("<III", edit.body, 8)
        document = document or first
        for number, place in _entries(_record_at(stream, listed).body):
            places.setdefault(number, place)
        at = before
    return places, document


def _entries(body: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 4 <= len(body):
        (head,) = struct.unpack_from("<I", body, at)
        first, count = head & 0xFFFFF, head >> 20
        at += 4
        for number in range(count):
            yield first + number, struct.unpack_from("<I", body, at + 4 * number)[0]
        at += 4 * count


def _listed(body: bytes) -> Iterator[_Listed]:
    listed: _Listed | None = None
    kind = TextKind.OTHER
    for record in _records(body):
        if record.kind == Kind.SLIDE_PERSIST:
            if listed is not None:
                yield listed
            place, _, _, identity = struct.unpack_from("<IIiI", record.body)
            listed = _Listed(place, identity, [])
        elif record.kind == Kind.TEXT_HEADER:
            kind = TextKind.of(struct.unpack_from("<I", record.body)[0])
        elif listed is not None and (text := _text(record)) is not None:
            listed.texts.append((kind, text))
    if listed is not None:
        yield listed


def _texts(body: bytes, outline: list[tuple[TextKind, str]]) -> Iterator[tuple[TextKind, str]]:
    """The texts in a slide's shapes; some only name theirs, which is in the outline."""
    kind = TextKind.OTHER
    for record in _all_records(body, 0):
        if record.kind == Kind.TEXT_HEADER:
            kind = TextKind.of(struct.unpack_from("<I", record.body)[0])
        elif record.kind == Kind.TEXT_REFERENCE:
            (number,) = struct.unpack_from("<i", record.body)
            if 0 <= number < len(outline):
                yield outline[number]
        elif (text := _text(record)) is not None:
            yield kind, text


def _text(record: _Record) -> str | None:
    if record.kind == Kind.TEXT_WIDE:
        return record.body.decode("utf-16-le", errors="replace")
    if record.kind == Kind.TEXT_NARROW:
        return record.body.decode("latin-1")
    return None


def _notes_of(body: bytes) -> int:
    """The id of a slide's notes; 0 if it has none."""
    for record in _records(body):
        if record.kind == Kind.SLIDE_ATOM:
            return int(struct.unpack_from("<I", record.body, 16)[0])
    return 0


def _record_at(stream: bytes, at: int) -> _Record:
    head, kind, length = struct.unpack_from("<HHI", stream, at)
    body = stream[at + _HEADER : at + _HEADER + length]
    return _Record(kind, head >> 4, body, head & 0xF == _HOLDS_RECORDS)


def _records(body: bytes) -> Iterator[_Record]:
    at = count = 0
    while at + _HEADER <= len(body) and count < MOST_RECORDS:
        record = _record_at(body, at)
        yield record
        at, count = at + _HEADER + len(record.body), count + 1


def _all_records(body: bytes, depth: int) -> Iterator[_Record]:
    for record in _records(body):
        if record.holds_records and depth < DEEPEST:
            yield from _all_records(record.body, depth + 1)
        else:
            yield record
