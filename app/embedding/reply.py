"""An embedding endpoint's reply, checked before anything is made of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.errors import EmbeddingMismatch, TextRefused


class WrongWidth(EmbeddingMismatch):
    """A provider's vectors are not as wide as they should be."""

    @property
    def code(self) -> str:
        return "embedding_mismatch"  # one name for programs: the kinds differ only for this room


class UnusableVector(EmbeddingMismatch, TextRefused):
    """A provider's vector for one text is none: some models overflow on some texts."""

    @property
    def code(self) -> str:
        return "embedding_mismatch"


def vectors_of(
    data: object, *, count: int, width: int | None, provider: str
) -> NDArray[np.float64]:
    """Unit vectors `[count, width]` in the order of the inputs, from a reply's `data`.

    The order is that of `index`: servers that work in parallel reply as they finish.

    Raises:
        EmbeddingMismatch: the count, an index or a value is not right; the message tells which
        input's. UnusableVector: values are not finite, or all zeros. WrongWidth: the vectors'
        width is not `width`, or not one.
    """
    items = _in_order(data, count, provider)
    rows = [_row(item, at, provider) for at, item in enumerate(items)]
    widths = sorted({len(row) for row in rows})
    if len(widths) != 1 or width not in (None, widths[0]):
        expected = f" instead of {width}" if width else ""
        raise WrongWidth(
            f"{provider} replied with vectors {' and '.join(map(str, widths))} wide{expected}."
        )
    matrix = np.vstack(rows)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    for fault, what in ((~np.isfinite(lengths), "not finite"), (lengths == 0, "all zeros")):
        if fault.any():
            at = int(fault.argmax()) + 1
            raise UnusableVector(
                f"{provider} replied with a vector that is {what}, for input {at} of {count}.",
                remedy="Try the text by hand at the provider; a half-precision model can overflow.",
            )
    unit: NDArray[np.float64] = matrix / lengths
    return unit


def _in_order(data: object, count: int, provider: str) -> list[object]:
    if not isinstance(data, list):
        raise EmbeddingMismatch(f"{provider} replied without a list of embeddings.")
    if len(data) != count:
        raise EmbeddingMismatch(f"{provider} replied with {len(data)} vectors for {count} inputs.")
    places = [_of(item, "index") for item in data]
    if all(place is None for place in places):
        return data
    if sorted(p for p in places if isinstance(p, int)) != list(range(count)):
        raise EmbeddingMismatch(
            f"{provider} replied with vectors whose indexes are not 0 to {count - 1}, each once."
        )
    ordered: list[object] = [None] * count
    for place, item in zip(places, data, strict=True):
        ordered[int(str(place))] = item
    return ordered


def _row(item: object, at: int, provider: str) -> NDArray[np.float64]:
    """One vector, from floats or from the base64 of little-endian float32, whichever was sent."""
    value = _of(item, "embedding")
    try:
        if isinstance(value, str):
            return np.frombuffer(base64.b64decode(value, validate=True), "<f4").astype(np.float64)
        if isinstance(value, Sequence) and value:
            row = np.array(value, np.float64)
            if row.ndim == 1:
                return row
    except (ValueError, TypeError, binascii.Error):
        pass  # told below, as every other thing that is no vector
    raise EmbeddingMismatch(f"{provider} replied with no vector of numbers for input {at + 1}.")


def _of(item: object, key: str) -> object:
    return item.get(key) if isinstance(item, dict) else getattr(item, key, None)
