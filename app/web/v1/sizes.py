"""How much one request may ask to have embedded."""

from __future__ import annotations

from collections.abc import Sequence

from app.web.v1.errors import Refused
from app.web.v1.pieces import Model, Piece

MOST_TOKENS_EACH = 8192
MOST_TOKENS = 300_000


def parted(
    texts: Sequence[str], model: Model, prefix: str, param: str
) -> tuple[tuple[Piece, ...], ...]:
    """Each text in pieces that the model reads whole; `param` is the field that they came in.

    Raises:
        Refused: one of more than `MOST_TOKENS_EACH`, or more than `MOST_TOKENS` in all.
    """
    counted, total = [], 0
    for place, text in enumerate(texts):
        pieces = tuple(model.pieces(text, prefix))
        tokens = sum(piece.tokens for piece in pieces)
        if tokens > MOST_TOKENS_EACH:
            raise Refused(
                f"'{param}[{place}]' has {tokens} tokens; at most {MOST_TOKENS_EACH} are embedded.",
                param=param,
                code="context_length_exceeded",
            )
        counted.append(pieces)
        total += tokens
    if total > MOST_TOKENS:
        raise Refused(
            f"The request has {total} tokens; at most {MOST_TOKENS} are embedded at once.",
            kind="max_tokens_per_request",
            code="max_tokens_per_request",
        )
    return tuple(counted)
