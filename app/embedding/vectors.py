"""Vectors as TiDB is sent them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGITS = 7


def plain(vectors: NDArray[np.floating[Any]]) -> list[list[float]]:
    """Python floats of seven decimals: all that a unit vector in float32 has, and short in SQL.

    pytidb would write a list of `np.float32` as the text `np.float32(…)`.
    """
    rounded: list[list[float]] = np.round(vectors.astype(np.float64), _DIGITS).tolist()
    return rounded
