"""The cache of questions: bounded, and never of another state of the index."""

from __future__ import annotations

from dataclasses import replace

from app.documents.filter import Filter
from app.indexes.index import Index, IndexState
from app.indexes.recipe import Recipe
from app.retrieval.cache import QueryCache
from app.retrieval.query import Mode, Query

INDEX = Index(1, 1, Recipe("local/m", 8, "", "", 100), IndexState.ACTIVE, version=3)
ASKED = Query("when does the tide turn")


def test_what_was_kept_is_found_again_for_the_same_question_alone() -> None:
    cache: QueryCache[str] = QueryCache()
    cache.keep(cache.key([INDEX], ASKED, 10), "found", 10)
    assert cache.get(cache.key([INDEX], ASKED, 10)) == "found"
    for other in (
        cache.key([replace(INDEX, version=4)], ASKED, 10),
        cache.key([replace(INDEX, id=2)], ASKED, 10),
        cache.key([INDEX, replace(INDEX, id=2)], ASKED, 10),
        cache.key([INDEX], ASKED, 11),
        cache.key([INDEX], replace(ASKED, mode=Mode.VECTOR), 10),
        cache.key([INDEX], replace(ASKED, document_ids=(1,)), 10),
        cache.key([INDEX], replace(ASKED, rerank=False), 10),
    ):
        assert cache.get(other) is None


def test_what_is_filtered_by_labels_is_not_kept() -> None:
    cache: QueryCache[str] = QueryCache()
    key = cache.key([INDEX], replace(ASKED, filter=Filter(tags=("old",))), 10)
    cache.keep(key, "found", 10)
    assert cache.get(key) is None


def test_the_least_recently_asked_goes_when_there_is_too_much() -> None:
    cache: QueryCache[int] = QueryCache(heaviest=33)
    keys = [cache.key([INDEX], Query(f"question {n}"), 10) for n in range(4)]
    for n in range(3):
        cache.keep(keys[n], n, 10)
    assert cache.get(keys[0]) == 0
    cache.keep(keys[3], 3, 10)
    assert [cache.get(key) for key in keys] == [0, None, 2, 3]
    cache.keep(keys[1], 1, 1_000)  # too heavy to be kept at all
    assert cache.get(keys[1]) is None
