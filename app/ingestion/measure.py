"""How long stretches of one text are, in a model's tokens, counted once for the whole text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from app.embedding.embedder import TokenCounter

CHARACTERS_PER_TOKEN = 16
"""A stretch counts as at least one token for so many characters.

Models that take a word they don't know for one token would otherwise make one chunk of a word of
any length; no prose comes near it.
"""


class Measure:
    """The size of any stretch of `text`; exact where a stretch begins and ends between tokens."""

    def __init__(self, text: str, tokens: TokenCounter) -> None:
        offsets = tokens.offsets(text)
        self._text = text
        self._starts = [start for start, _ in offsets]
        self._ends = [end for _, end in offsets]
        self._last_found = 0

    def between(self, start: int, end: int) -> int:
        """Tokens that lie, wholly or in part, in `text[start:end]`."""
        counted = bisect_left(self._starts, end) - bisect_right(self._ends, start)
        return max(counted, -(-(end - start) // CHARACTERS_PER_TOKEN))

    def of(self, part: str) -> int:
        """Tokens in `part`, a stretch of the text, wherever it is: equal texts have equal tokens.

        A splitter asks about stretches that begin further and further on, so looking from the
        last one finds the next at once; tokenising each anew takes forty times as long.
        """
        start = self._text.find(part, self._last_found)
        if start < 0:
            start = self._text.find(part)
        self._last_found = start
        return self.between(start, start + len(part))
