"""Neighbours in a document become one passage of a prompt, in the document's own words."""

from __future__ import annotations

from dataclasses import replace

from app.answering.packing import joined
from app.answering.prompt import Prompter, estimated_tokens
from app.retrieval.passage import Passage
from tests.fake_chat import passage

TEXT = "The tide turns at noon.\n\nShips sail at dusk.\n\nBread is baked at dawn.\n\nThe end."


def part(words: str, rank: int) -> Passage:
    start = TEXT.index(words)
    return replace(passage(words, rank, start=start), document_id=1, revision_id=1)


def stretch(revision_id: int, start: int, end: int) -> str:
    assert revision_id == 1
    return TEXT[start:end]


def test_neighbours_are_one_in_the_documents_own_words_at_the_place_of_the_best() -> None:
    other = passage("Elsewhere.", 2)
    found = joined(
        [part("Ships sail at dusk.", 1), other, part("The tide turns at noon.", 3)], stretch
    )
    assert [each.text for each in found] == [
        "The tide turns at noon.\n\nShips sail at dusk.",
        "Elsewhere.",
    ]
    assert (found[0].start, found[0].end) == (0, 44)
    assert found[0].rank == 1


def test_what_has_something_between_or_another_page_or_heading_stays_apart() -> None:
    tide, bread = part("The tide turns at noon.", 1), part("Bread is baked at dawn.", 2)
    assert joined([tide, bread], stretch) == (tide, bread)
    ships = part("Ships sail at dusk.", 3)
    for other in (replace(ships, page=2), replace(ships, section_path=("Ships",))):
        assert joined([tide, other], stretch) == (tide, other)


def test_a_prompt_joins_what_it_has_packed_and_says_what_found_no_room() -> None:
    parts = [
        part("The tide turns at noon.", 1),
        part("Ships sail at dusk.", 2),
        passage("word " * 300, 3),
    ]
    prompt = Prompter(budget=150, stretch=stretch).prompt("When?", parts)
    assert [each.text for each in prompt.passages] == [TEXT[:44]]
    assert prompt.left_out == 1
    assert prompt.budget == 150


def test_a_window_holds_the_rules_the_question_and_an_answer_besides() -> None:
    many = [passage("word " * 100, rank) for rank in range(1, 60)]
    for window in (2048, 4096, 8192):
        prompter = Prompter.within(window)
        prompt = prompter.prompt("When does the tide turn?", many)
        assert prompt.left_out > 0
        assert prompt.tokens < window - 400
    longest = Prompter.within(8192).prompt("when " * 1500, many)
    assert longest.tokens - estimated_tokens("when " * 1500) < prompt.tokens
