"""Text in pictures, by optical character recognition (OCR), where the extra `ocr` is installed.

RapidOCR runs PaddleOCR's models, which come in its wheel, on onnxruntime: nothing is fetched. They
know Latin letters, Chinese and Japanese.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from app.errors import UnreadableDocument
from app.ingestion.decoding import cleaned_line
from app.ingestion.parsers.pdf_layout import by_space
from app.ingestion.parsers.pdf_lines import HYPHEN_AT_LINE_END, Line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DOTS_PER_INCH = 150
"""Of pages that are drawn to be read: letters of 8 points are 17 dots high then."""
SURE = 0.6  # of a line's letters, from 0 to 1: below, it is more likely a stain or a drawing
ALIKE = (0.75, 1.3)  # a line's height by the usual one's: boxes are drawn a little wide or narrow
SHORTEST_OF_PROSE = 20  # letters of half the lines
POINTS = 72 / DOTS_PER_INCH
LONGEST_SIDE = 4_000  # dots: what is larger is looked at smaller
SHORTEST_SIDE = 8  # dots: no letter is readable in fewer; lines and spacers of e-mails have one
MOST_LENGTHS = 5
"""The longer side by the shorter one, at most: the library enlarges a picture until its shorter
side is hundreds of dots long, and takes gigabytes for one that is a thin strip."""

INSTALL = (
    "Install text recognition where Tidemark runs (`uv sync --inexact --no-dev --extra ocr`), or "
    "run OCR on the file elsewhere, and upload the result."
)


_postponed: ContextVar[bool] = ContextVar("postponed", default=False)
_given_up: ContextVar[bool] = ContextVar("given_up", default=False)


class RecognitionFailed(UnreadableDocument):
    """A picture whose text cannot be recognized; what it stands in can be read without it."""

    remedy = "Save the picture anew, or smaller, and upload that."

    def __init__(self) -> None:
        super().__init__("Text recognition (OCR) failed on the picture.")


class RecognitionNeeded(Exception):
    """The document has pictures to be read, which takes other limits than its text does."""


@contextmanager
def postponed() -> Iterator[None]:
    """Within it, the first picture to be read raises `RecognitionNeeded` instead."""
    mark = _postponed.set(True)
    try:
        yield
    finally:
        _postponed.reset(mark)


@contextmanager
def given_up() -> Iterator[None]:
    """Within it, recognition fails on every picture, without having been tried."""
    mark = _given_up.set(True)
    try:
        yield
    finally:
        _given_up.reset(mark)


@cache
def installed() -> bool:
    """Whether text in pictures can be read here."""
    return find_spec("rapidocr") is not None


def not_read(pages: Sequence[int]) -> str:
    """What a document says of its `pages`, counted from 1, whose pictures were not read."""
    if not pages:
        return ""
    which = f"page {pages[0]}" if len(pages) == 1 else f"pages {', '.join(map(str, pages))}"
    why = "failed" if installed() else "is not installed here"
    return f"Not read: the text in the pictures of {which}, for text recognition (OCR) {why}."


def recognized(picture: NDArray[np.uint8]) -> tuple[Line, ...]:
    """The lines of text in a picture (height x width x 3, blue first) of `DOTS_PER_INCH`.

    Their boxes are in points from its lower left, as those of a PDF's page.

    Raises:
        RecognitionNeeded: it is postponed.
        RecognitionFailed: whatever the library made of the picture, or no memory was left.
    """
    if min(picture.shape[:2]) < SHORTEST_SIDE:
        return ()
    if _postponed.get():
        raise RecognitionNeeded
    if _given_up.get():
        raise RecognitionFailed
    try:
        found = _engine()(_on_paper(picture))
    except Exception as fault:  # of a picture among many, which must not take the others along
        raise RecognitionFailed from fault
    if found.boxes is None:
        return ()
    height = picture.shape[0] * POINTS
    rows = [
        (cleaned_line(text), [(float(x), float(y)) for x, y in box])
        for box, text, sure in zip(found.boxes, found.txts, found.scores, strict=True)
        if sure >= SURE
    ]
    heights = [_height(box) for text, box in rows if text]
    usual = statistics.median(heights) if heights else 0.0
    lines = [
        Line(
            _with_hyphen(text),
            left=min(x for x, _ in box) * POINTS,
            bottom=height - max(y for _, y in box) * POINTS,
            right=max(x for x, _ in box) * POINTS,
            top=height - min(y for _, y in box) * POINTS,
            size=_size(_height(box), usual),
        )
        for text, box in rows
        if text
    ]
    # It finds them row by row: right for the cells of a table, wrong for columns of prose.
    prose = lines and statistics.median(len(line.text) for line in lines) >= SHORTEST_OF_PROSE
    return tuple(by_space(lines) if prose else lines)


def _on_paper(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A strip with white below it, or to its right."""
    import numpy as np

    height, width = picture.shape[:2]
    below = max(0, -(-width // MOST_LENGTHS) - height)
    beside = max(0, -(-height // MOST_LENGTHS) - width)
    return np.pad(picture, ((0, below), (0, beside), (0, 0)), constant_values=255)


def _height(box: list[tuple[float, float]]) -> float:
    return (max(y for _, y in box) - min(y for _, y in box)) * POINTS


def _size(height: float, usual: float) -> float:
    """A size of letters; of lines that differ little, one and the same."""
    narrowest, widest = ALIKE
    return float(round(usual if narrowest * usual <= height <= widest * usual else height))


def _with_hyphen(text: str) -> str:
    parted = len(text) > 1 and text.endswith("-") and text[-2].isalpha()
    return text[:-1] + HYPHEN_AT_LINE_END if parted else text


@cache
def _engine() -> Any:  # noqa: ANN401 - a class of the library, which has no types
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            # The machine's other processors are for those who search meanwhile.
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
