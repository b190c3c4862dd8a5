"""Text as a model can take it."""

from __future__ import annotations

import re

_SURROGATES = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD, so that it can be written as UTF-8.

    One character for one: offsets into the result are offsets into `text`.
    """
    return _SURROGATES.sub("\ufffd", text)
