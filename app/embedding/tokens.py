"""Text measured in a model's tokens."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from app.embedding.text import encodable
from app.errors import ModelUnavailable

# A text is tokenised in a fraction of the time it is embedded in. The library's own threads would
# gain nothing, fight onnxruntime's for the processors, and print a warning when a process is
# started.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tokenizers import Tokenizer


class LocalTokens:
    """The tokens of a local model, by its own `tokenizer.json`; nothing is cut or padded here."""

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as broken:  # the library raises bare `Exception`
            raise ModelUnavailable(f"The tokenizer {path} cannot be read: {broken}.") from broken
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        """Tokens in `text`, without the model's special ones."""
        return len(self.ids(text))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The `[start, end)` character offsets of each token of `text`, in order."""
        encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        return list(encoding.offsets)

    def ids(self, text: str) -> list[int]:
        """The ids of the tokens of `text`, without the model's special ones."""
        (encoding,) = self._tokenizer.encode_batch_fast([encodable(text)], add_special_tokens=False)
        return list(encoding.ids)

    @cached_property
    def frame(self) -> tuple[list[int], list[int]]:
        """The special ids before and after a text: those of `[CLS]` and `[SEP]` for BERT."""
        encoding = self._tokenizer.encode("a")
        inside = [i for i, special in enumerate(encoding.special_tokens_mask) if not special]
        return list(encoding.ids[: inside[0]]), list(encoding.ids[inside[-1] + 1 :])
