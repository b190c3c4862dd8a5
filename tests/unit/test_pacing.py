"""A provider's limit, in any minute: never passed, and nearly used up by whoever always asks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.embedding.pacing import MINUTE, ON_THE_WAY, USED_WITHIN, Bucket
from app.embedding.providers import provider_at

LATE = USED_WITHIN + ON_THE_WAY


def most_in_a_minute(uses: list[tuple[float, int]]) -> int:
    """The most that the uses cost together in any minute."""
    return max(sum(cost for at, cost in uses if begin <= at < begin + MINUTE) for begin, _ in uses)


@given(
    st.integers(2, 600),
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5), st.floats(0, LATE)), max_size=200),
)
def test_no_minute_has_more_than_the_limit_however_late_a_grant_is_used(
    limit: int, asked: list[tuple[float, int, float]]
) -> None:
    bucket = Bucket.of(limit, largest=5)
    now = empty_at = 1000.0
    uses = []
    for pause, wanted, late in asked:
        cost = min(wanted, bucket.burst)
        now += pause
        now += bucket.wait(empty_at, now, cost)
        empty_at = bucket.after(empty_at, now, cost)
        uses.append((now + late, cost))
    assert not uses or most_in_a_minute(uses) <= limit


def test_who_always_asks_uses_nearly_all_of_it() -> None:
    bucket = Bucket.of(500)
    now = empty_at = 0.0
    used = 0
    while now < 10 * MINUTE:
        now += bucket.wait(empty_at, now, 1)
        empty_at = bucket.after(empty_at, now, 1)
        used += 1
    assert 475 <= used / 10 <= 500


@given(st.integers(1, 1000), st.floats(-100, 100), st.integers(1, 20))
def test_there_is_room_exactly_for_what_need_not_wait(
    limit: int, empty_at: float, cost: int
) -> None:
    bucket = Bucket.of(limit)
    room = bucket.room(empty_at, 0.0)
    assert room <= bucket.burst
    if cost <= room:
        assert bucket.wait(empty_at, 0.0, cost) < 1e-3


def test_each_provider_of_the_table_is_known_by_its_address() -> None:
    for address, name in [
        ("https://api.openai.com/v1", "OpenAI"),
        ("https://nano-gpt.com/api/v1", "NanoGPT"),
        ("https://api.langdock.com/openai/eu/v1", "Langdock"),
        ("https://api.langdock.com/openai/us/v1", "Langdock"),
        ("https://ours.example/api/public", "Langdock at ours.example"),
        ("http://localhost:11434/v1", "Ollama at localhost:11434"),
        ("http://localhost:8000/v1", "localhost:8000"),
        ("https://someone:word@elsewhere.example/v1", "elsewhere.example"),
        ("https://notnano-gpt.com/v1", "notnano-gpt.com"),
    ]:
        assert provider_at(address).name == name
    assert provider_at("https://api.langdock.com/openai/eu/v1").rate.requests == 500
    assert provider_at("https://api.langdock.com/openai/eu/v1").rate.tokens == 60_000
    assert provider_at("https://nano-gpt.com/api/v1").rate.requests == 6000
