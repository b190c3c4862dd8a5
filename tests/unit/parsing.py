"""What every parsed text must be, whatever it came from."""

from __future__ import annotations

import re

from hypothesis import settings
from hypothesis import strategies as st

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.parsers.registry import parse

unhurried = settings(deadline=None)
"""What a machine is busy with beside the tests is not their business."""

FORBIDDEN = re.compile("[\x00\r\ud800-\udfff]")


def check_whole(parsed: ParsedText) -> None:
    """Sections tile the text, and nothing is in it that a store or a tokenizer would choke on."""
    assert not FORBIDDEN.search(parsed.text)
    at = 0
    for section in parsed.sections:
        assert section.start == at
        assert section.end > section.start
        at = section.end
        assert not any(FORBIDDEN.search(title) for title in section.path)
    assert at == len(parsed.text)
    assert not (parsed.title and FORBIDDEN.search(parsed.title))


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with bytes of it changed, and cut short or not."""
    broken = bytearray(data)
    for _ in range(draw(st.integers(0, 8))):
        broken[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(broken[: draw(st.one_of(st.just(len(data)), st.integers(1, len(data))))])


def check_read_or_refused(data: bytes, name: str) -> None:
    """Whatever the bytes are, there is a clean text or a sentence with a remedy."""
    refused: UnreadableDocument | None = None
    try:
        check_whole(parse(data, name).text)
    except UnreadableDocument as refusal:
        refused = refusal
    if refused:
        assert refused.message.endswith(".")
        assert refused.remedy
