"""Pictures of text: photographs, screenshots, scans, each frame of a TIFF a page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from app.documents.model import ParsedText
from app.errors import UnreadableDocument, UnsupportedMediaType
from app.ingestion.parsers import ocr
from app.ingestion.parsers.pdf import paged_text
from app.ingestion.parsers.pdf_lines import Page

MOST_DOTS = 100_000_000  # of one picture: a sheet of A2 at 300 dots an inch, and half more
MOST_PAGES = 500


@dataclass(frozen=True)
class ImageParser:
    """Reads what text recognition finds; it is an extra, and says so where it is missing."""

    name: str = "ocr"
    version: str = "2"
    media_types: frozenset[str] = frozenset(
        {"image/png", "image/jpeg", "image/gif", "image/webp", "image/tiff"}
    )

    def parse(self, data: bytes) -> ParsedText:
        if not ocr.installed():
            raise UnsupportedMediaType(
                "The file is a picture, and text recognition (OCR) is not installed here.",
                remedy=ocr.INSTALL,
            )
        pages: list[Page] = []
        unread: list[int] = []
        for number, frame in enumerate(_frames(data), 1):
            try:
                pages.append(_page(frame))
            except ocr.RecognitionFailed:
                pages.append(Page((), frame.height * ocr.POINTS))
                unread.append(number)
        if len(unread) == len(pages):
            raise ocr.RecognitionFailed
        return paged_text(pages, unread=ocr.not_read(unread))


def _page(frame: Image.Image) -> Page:
    dots = np.asarray(frame)[:, :, ::-1]  # blue first
    return Page(ocr.recognized(np.ascontiguousarray(dots)), frame.height * ocr.POINTS)


def _frames(data: bytes) -> Iterator[Image.Image]:
    """Each page of a picture that has several; of one that moves, the first moment."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large ones, which are looked at below
        picture = Image.open(BytesIO(data))
    count = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    if count > MOST_PAGES:
        raise UnreadableDocument(
            f"The picture has {count:,} pages; up to {MOST_PAGES} are read.",
            remedy="Split it, and upload its parts.",
        )
    for number in range(count):
        picture.seek(number)
        if picture.width * picture.height > MOST_DOTS:
            raise UnreadableDocument(
                f"The picture has {picture.width:,} times {picture.height:,} dots, too many.",
                remedy="Save it smaller, and upload that.",
            )
        turned = ImageOps.exif_transpose(picture).convert("RGBA")
        turned.thumbnail((ocr.LONGEST_SIDE, ocr.LONGEST_SIDE))
        paper = Image.new("RGBA", turned.size, "white")  # behind what is transparent
        yield Image.alpha_composite(paper, turned).convert("RGB")
