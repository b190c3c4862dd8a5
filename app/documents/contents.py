"""What a revision is made of, in parts that fit a TiDB row: the original bytes and the text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.documents.model import ParsedText, Section
from app.documents.tables import BlobRow, RevisionRow, RevisionTextRow

# A row may not exceed 6 MiB; a character takes at most 4 bytes.
BLOB_PART = 3 * 1024 * 1024  # bytes
TEXT_PART = 500_000  # characters
TEXTS_A_STATEMENT = 50


def add_blob_part(session: Session, revision_id: int, part: int, data: bytes) -> None:
    session.execute(insert(BlobRow).values(revision_id=revision_id, part=part, data=data))


def blob_part(session: Session, revision_id: int, part: int) -> bytes | None:
    """One part of the original bytes; None past the last."""
    return session.scalar(
        select(BlobRow.data).where(BlobRow.revision_id == revision_id, BlobRow.part == part)
    )


def blob_parts(session: Session, revision_id: int) -> Iterator[bytes]:
    """The original bytes, part after part; to be used up within the transaction."""
    part = 0
    while (data := blob_part(session, revision_id, part)) is not None:
        yield data
        part += 1


def add_texts(session: Session, parsed: Sequence[tuple[int, ParsedText, str, str]]) -> None:
    """Keep what parsers made of revisions: (revision id, text, media type, parser and version).

    Written again for a revision, it replaces what a worker that died had left.
    """
    ids = [revision_id for revision_id, *_ in parsed]
    session.execute(delete(RevisionTextRow).where(RevisionTextRow.revision_id.in_(ids)))
    rows = [
        {"revision_id": revision_id, "part": part, "text": piece}
        for revision_id, text, *_ in parsed
        for part, piece in enumerate(_parts(text.text))
    ]
    for start in range(0, len(rows), TEXTS_A_STATEMENT):
        session.execute(insert(RevisionTextRow), rows[start : start + TEXTS_A_STATEMENT])
    for revision_id, text, media_type, parser in parsed:
        row = session.get(RevisionRow, revision_id)
        if row is None:
            continue  # its document was deleted meanwhile
        row.media_type = media_type
        row.parser = parser
        row.title = text.title[:500] if text.title else None
        row.characters = len(text.text)
        row.text_parts = len(_parts(text.text))
        row.section_map = dump_sections(text.sections)


def read_text(session: Session, revision_id: int, start: int = 0, end: int | None = None) -> str:
    """Characters `[start, end)` of a revision's text; only the parts they lie in are read."""
    first = start // TEXT_PART
    parts = select(RevisionTextRow.text).where(
        RevisionTextRow.revision_id == revision_id, RevisionTextRow.part >= first
    )
    if end is not None:
        parts = parts.where(RevisionTextRow.part <= max(end - 1, 0) // TEXT_PART)
    text = "".join(session.scalars(parts.order_by(RevisionTextRow.part)))
    offset = first * TEXT_PART
    return text[start - offset : None if end is None else end - offset]


def dump_sections(sections: Sequence[Section]) -> str:
    """Sections as the text that `section_map` keeps."""
    rows = [[s.start, s.end, list(s.path), s.page] for s in sections]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def load_sections(section_map: str) -> tuple[Section, ...]:
    return tuple(
        Section(start, end, tuple(path), page) for start, end, path, page in json.loads(section_map)
    )


def _parts(text: str) -> list[str]:
    return [text[i : i + TEXT_PART] for i in range(0, len(text), TEXT_PART)] or [""]
