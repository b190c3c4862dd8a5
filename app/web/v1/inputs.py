"""The texts that an embedding request asks for, from any of the four shapes of `input`."""

from __future__ import annotations

from collections.abc import Sequence

from app.embedding.cl100k import Cl100kTokens
from app.web.v1.errors import Refused

MOST_INPUTS = 2048


def texts_of(given: object) -> list[str]:
    """The texts in `input`: a string, strings, cl100k ids, or sequences of such ids.

    Raises:
        Refused: none of these, more than `MOST_INPUTS` of them, or one that is empty.
    """
    if given is None:
        raise _wrong("You must provide an input.")
    if isinstance(given, str):
        return _filled([given])
    if not isinstance(given, list) or not given:
        raise _wrong("'input' must be a string, or an array that is not empty.")
    if isinstance(given[0], str):
        return _filled(_counted(given))
    if isinstance(given[0], list):
        return [_decoded(ids) for ids in _counted(given)]
    return [_decoded(given)]


def _counted(given: list[object]) -> list[object]:
    if len(given) > MOST_INPUTS:
        raise Refused(
            f"'input' has {len(given)} items; at most {MOST_INPUTS} are taken.",
            param="input",
            code="array_above_max_length",
        )
    return given


def _filled(texts: Sequence[object]) -> list[str]:
    filled = []
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise _wrong(f"'input[{place}]' is no string, as those before it are.")
        if not text:
            raise _wrong("'input' cannot be an empty string.")
        filled.append(text)
    return filled


def _decoded(ids: object) -> str:
    if not isinstance(ids, list) or not ids:
        raise _wrong("'input' has an array of tokens that is empty, or something between arrays.")
    # By type and not by isinstance: JSON's `true` would pass for 1.
    if not all(type(token) is int and token >= 0 for token in ids):
        raise _wrong("'input' must have strings only, or tokens only: whole numbers from 0.")
    try:
        return Cl100kTokens().text(ids)
    except (KeyError, OverflowError):
        raise _wrong("'input' has a token that cl100k_base does not have.") from None


def _wrong(message: str) -> Refused:
    return Refused(message, param="input")
