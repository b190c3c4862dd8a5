"""Text measured in cl100k tokens, for models whose own tokenizer is not at hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from app.embedding.text import encodable

if TYPE_CHECKING:
    import tiktoken


@dataclass(frozen=True)
class Cl100kTokens:
    """OpenAI's `cl100k_base`: exact for its embedding models, an estimate for every other.

    Other vocabularies cut English into about as many pieces; those made for another language can be
    off by half, so a chunk's size is then a wish, not a promise.
    """

    def count(self, text: str) -> int:
        """Tokens in `text`; names of special tokens count as the text they are."""
        return len(_vocabulary().encode_ordinary(encodable(text)))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The `[start, end)` character offsets of each token; those that share one overlap."""
        vocabulary = _vocabulary()
        spans, begun = [], 0
        for token in vocabulary.encode_ordinary(encodable(text)):
            piece = vocabulary.decode_single_token_bytes(token)
            start = begun - _continues(piece[0])
            begun += sum(not _continues(byte) for byte in piece)
            spans.append((start, begun))
        return spans

    def text(self, ids: Sequence[int]) -> str:
        """The text of cl100k ids; a character that they hold only a part of becomes U+FFFD.

        Raises:
            KeyError: an id that the vocabulary does not have.
        """
        # Bytes are joined before they are read: a character may be cut between two ids.
        vocabulary = _vocabulary()
        pieces = [vocabulary.decode_single_token_bytes(token) for token in ids]
        return b"".join(pieces).decode(errors="replace")


def _continues(byte: int) -> bool:
    """Whether a byte of UTF-8 belongs to a character that an earlier one began."""
    return byte & 0xC0 == 0x80  # noqa: PLR2004 - 10xxxxxx


@cache
def _vocabulary() -> tiktoken.Encoding:
    # tiktoken would download the vocabulary, and litellm carries it under the name tiktoken keeps
    # it by. Found without importing litellm, which takes seconds; tiktoken checks the file's hash.
    litellm = find_spec("litellm")
    if litellm is not None and litellm.origin is not None:
        carried = Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers"
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(carried))
    import tiktoken

    return tiktoken.get_encoding("cl100k_base")
