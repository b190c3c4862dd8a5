"""Pages as they look, drawn in processes of their own: a PDF is as foreign when it is drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from app.ingestion.parsers.picture import Picture
from app.ingestion.parsing.limits import Limits
from app.ingestion.parsing.messages import picture_from
from app.ingestion.parsing.parsing import Parsing

LONGEST_QUOTE = 4_000  # characters that are looked for on a page

_LIMITS = Limits(seconds=20, seconds_per_megabyte=1, memory_megabytes=600, characters=4_000_000)


def _drawing() -> Parsing:
    return Parsing(_LIMITS, "app.ingestion.parsers.pdf_page:drawn")


@dataclass(frozen=True)
class PagePictures:
    """Draws pages within limits. It has processes apart, so that none waits for an ingest."""

    parsing: Parsing = field(default_factory=_drawing)

    def draw(self, data: bytes, page: int, quote: str) -> Picture:
        """Page `page` of the PDF `data`, counted from 1, with the words of `quote` marked.

        Raises:
            UnreadableDocument: it cannot be drawn, or not within the limits.
            ParserUnavailable: no process can be begun.
        """
        asked = json.dumps({"page": page, "quote": quote[:LONGEST_QUOTE]})
        return picture_from(*self.parsing.ask(data, asked))

    def close(self) -> None:
        """End the processes that are idle."""
        self.parsing.close()
