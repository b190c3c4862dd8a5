"""The plan of a vector search for each kind of server, and the signatures that one uses."""

from __future__ import annotations

import numpy as np
import pytest

from app.database.capabilities import Capabilities
from app.indexes.signatures import first_pass, signature
from app.indexes.vector_plan import PAYS_FROM, VectorPlanner, Way

SINGLE = Capabilities("v8.5.4", "unistore", 0)
CLUSTER = Capabilities("v8.5.4", "tikv", 0)
WITH_TIFLASH = Capabilities("v8.5.4", "tikv", 1)
MANAGED = Capabilities("v8.5.4", "", 0)


@pytest.mark.parametrize(
    ("server", "chunks", "filtered", "indexed", "way"),
    [
        (SINGLE, PAYS_FROM - 1, False, False, Way.EXACT),
        (SINGLE, PAYS_FROM, False, False, Way.SIGNATURES),
        (SINGLE, PAYS_FROM, True, False, Way.SIGNATURES),
        (CLUSTER, 10 * PAYS_FROM, False, False, Way.EXACT),
        (MANAGED, 10 * PAYS_FROM, False, False, Way.EXACT),
        (WITH_TIFLASH, 100, False, True, Way.HNSW),
        (WITH_TIFLASH, 10 * PAYS_FROM, True, True, Way.EXACT),
        (WITH_TIFLASH, 10 * PAYS_FROM, False, False, Way.EXACT),
    ],
)
def test_each_server_is_searched_the_way_that_it_is_good_at(
    *, server: Capabilities, chunks: int, filtered: bool, indexed: bool, way: Way
) -> None:
    plan = VectorPlanner(server).plan(chunks, 10, filtered=filtered, indexed=indexed)
    assert plan.way is way
    assert (plan.candidates > 10) is (way is not Way.EXACT)


def test_the_more_is_wanted_the_more_candidates_are_scored() -> None:
    few, many = (
        VectorPlanner(SINGLE).plan(PAYS_FROM, limit, filtered=False, indexed=False)
        for limit in (10, 200)
    )
    assert many.candidates >= 4 * few.candidates


@pytest.mark.parametrize("dimensions", [1, 63, 64, 65, 384])
def test_a_signature_has_a_bit_for_each_component(dimensions: int) -> None:
    vector = np.random.default_rng(dimensions).standard_normal(dimensions)
    bits = "".join(f"{word:064b}" for word in signature(vector.tolist()))
    assert bits[:dimensions] == "".join("1" if each > 0 else "0" for each in vector)
    assert set(bits[dimensions:]) <= {"0"}


def test_the_first_pass_finds_the_vectors_that_are_nearest() -> None:
    random = np.random.default_rng(5)
    vectors = random.standard_normal((2_000, 384))
    question = vectors[7] + 0.9 * random.standard_normal(384)
    _, values = first_pass(1, question.tolist())

    def words(name: str) -> list[int]:
        return [int(str(values[f"{name}{n}"])) for n in range(6)]

    def far(vector: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
        return sum(
            ((b ^ s) & c).bit_count() + ((b ^ s) & t).bit_count()
            for b, s, c, t in zip(
                signature(vector.tolist()), words("sign"), words("counts"), words("twice"),
                strict=True,
            )
        )  # fmt: skip

    assert min(range(len(vectors)), key=lambda n: far(vectors[n])) == 7
