"""The pace of a queue, from what its jobs did in the last minute."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.ingestion.pace import Pace, Spell, pace_of

NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - as the tables store it


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def test_a_long_job_counts_with_what_it_did_in_the_last_minute() -> None:
    # 600 chunks in 120 seconds: 5 a second, not 10 as if all had been done in one minute.
    pace = pace_of([Spell(ago(120), NOON, 600, 6_000)], 100, 0, NOON)
    assert pace.chunks_per_second == pytest.approx(5)
    assert pace.seconds_left == pytest.approx(20)


def test_documents_that_nobody_has_parsed_are_guessed_from_their_size() -> None:
    # 100 bytes made a chunk so far; 10,000 bytes wait.
    pace = pace_of([Spell(ago(10), NOON, 50, 5_000)], 20, 10_000, NOON)
    assert pace.chunks_per_second == pytest.approx(5)
    assert pace.seconds_left == pytest.approx((20 + 100) / 5)


def test_a_few_small_documents_promise_nothing_of_those_that_nobody_has_parsed() -> None:
    pace = pace_of([Spell(ago(10), NOON, 6, 600)], 0, 9_000_000, NOON)
    assert pace == Pace(pytest.approx(0.6))


def test_jobs_side_by_side_add_up() -> None:
    spells = [Spell(ago(20), NOON, 40, 400), Spell(ago(20), ago(10), 60, 600)]
    assert pace_of(spells, 0, 0, NOON).chunks_per_second == pytest.approx(5)


@pytest.mark.parametrize(
    "spells", [[], [Spell(ago(1), NOON, 50, 500)], [Spell(ago(9), NOON, 0, 0)]]
)
def test_a_queue_that_stands_still_or_has_just_begun_promises_nothing(spells: list[Spell]) -> None:
    assert pace_of(spells, 10, 10, NOON) == Pace()
