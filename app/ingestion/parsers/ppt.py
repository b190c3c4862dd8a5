"""PPT: PowerPoint's format until 2007. A slide a section and a page; titles, texts, notes."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from olefile import OleFileIO

from app.documents.model import ParsedText
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.ole import summary_of
from app.ingestion.parsers.ppt_file import Slide, TextKind, slides_of
from app.ingestion.parsers.rows import joined_cell

_TITLES = frozenset({TextKind.TITLE, TextKind.CENTRE_TITLE})
_LISTS = frozenset({TextKind.BODY, TextKind.HALF_BODY, TextKind.QUARTER_BODY})


@dataclass(frozen=True)
class PptParser:
    """Texts in the order of their shapes, as they were last saved."""

    name: str = "ppt"
    version: str = "2"
    media_types: frozenset[str] = frozenset({"application/vnd.ms-powerpoint"})

    def parse(self, data: bytes) -> ParsedText:
        with OleFileIO(BytesIO(data)) as container:
            about = summary_of(container)
            draft = Draft()
            draft.block(about.facts)
            written = False
            for number, slide in enumerate(slides_of(container), 1):
                written = _add(draft, number, slide) or written
            return draft.parsed(about.title) if written else ParsedText("", ())


def _add(draft: Draft, number: int, slide: Slide) -> bool:
    """Write a slide; whether there is anything on it."""
    titles = [joined_cell(text) for kind, text in slide.texts if kind in _TITLES]
    named = next(filter(None, titles), "")
    draft.page()
    draft.heading(1, named or f"Slide {number}")
    texts = [(kind, text) for kind, text in slide.texts if kind not in _TITLES and text.strip()]
    for kind, text in texts:
        lines = [joined_cell(line) for line in text.replace("\x0b", " ").split("\r")]
        filled = [line for line in lines if line and line != "*"]  # "*" stands for a date or number
        bullet = "- " if kind in _LISTS and len(filled) > 1 else ""
        draft.block("\n".join(bullet + line for line in filled))
    notes = " ".join(joined_cell(text) for text in slide.notes)
    draft.block(f"Notes: {notes}" if notes.strip() else "")
    return bool(named or texts or notes.strip())
