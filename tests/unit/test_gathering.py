"""What stands in several places once, what stands together whole."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.gathering import as_one, by_document, folded, joined
from app.retrieval.passage import Passage

TIDES = "The tide turns at noon on days of a new moon, and again at midnight, every month."
CHINESE = "船在涨潮时离开港口渔民们在码头上等待直到太阳落山"


def passage(rank: int, text: str, start: int = 0, document: int = 1, section: str = "") -> Passage:
    return Passage(
        rank=rank,
        score=1 / rank,
        chunk_id=1000 * document + start,
        document_id=document,
        document_name=f"{document}.md",
        title=None,
        revision_id=document,
        revision_created_at=datetime(2026, 1, 1, tzinfo=UTC),
        start=start,
        end=start + len(text),
        text=text,
        section_path=(section,) if section else (),
    )


def test_near_identical_passages_are_one_that_names_the_other_places() -> None:
    copy = TIDES.upper().replace(",", "")
    other = "Boats leave the harbour before the tide turns, with the ebb, in the early morning."
    kept = folded(
        [passage(1, TIDES), passage(2, other), passage(3, copy, document=2), passage(4, TIDES, 500)]
    )
    assert [each.rank for each in kept] == [1, 2]
    assert [place.document_name for place in kept[0].also] == ["2.md", "1.md"]
    assert kept[1].also == ()


def test_texts_that_share_much_but_say_other_things_stay_apart() -> None:
    changed = TIDES.replace("noon", "dusk").replace("new", "full").replace("midnight", "dawn")
    assert len(folded([passage(1, TIDES), passage(2, changed, document=2)])) == 2
    assert len(folded([passage(1, "Yes."), passage(2, "No.", document=2)])) == 2
    assert len(folded([passage(1, CHINESE), passage(2, CHINESE[::-1], document=2)])) == 2


def test_scripts_without_spaces_are_compared_by_their_characters() -> None:
    assert len(folded([passage(1, CHINESE), passage(2, f"{CHINESE}。", document=2)])) == 1


def test_chunks_that_follow_each_other_in_a_section_are_one() -> None:
    text = "One two three.\n\nFour five six. Seven."
    best, before = passage(1, text[16:30], 16, section="A"), passage(3, text[:14], 0, section="A")
    elsewhere = passage(2, text[31:], 31, section="B")
    groups = joined([best, elsewhere, before])
    assert groups == [(before, best), (elsewhere,)]
    whole = as_one(groups[0], text[:30])
    assert (whole.rank, whole.start, whole.end, whole.text) == (1, 0, 30, text[:30])


def test_each_document_is_its_best_passage_with_its_others() -> None:
    first, second, third = passage(1, "a"), passage(2, "b", document=2), passage(3, "c", 9)
    found = by_document([first, second, third])
    assert [(each.rank, [m.rank for m in each.more]) for each in found] == [(1, [3]), (2, [])]


starts = st.lists(st.integers(0, 40), unique=True, max_size=12)


@given(starts, st.integers(1, 6))
def test_no_passage_is_lost_or_doubled_by_joining(starts: list[int], length: int) -> None:
    found = [passage(rank, "x" * length, start) for rank, start in enumerate(starts, start=1)]
    groups = joined(found)
    assert sorted(each.rank for group in groups for each in group) == [p.rank for p in found]
    firsts = [min(each.rank for each in group) for group in groups]
    assert firsts == sorted(firsts)
