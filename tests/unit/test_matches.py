"""Where a question's words stand in a passage."""

from __future__ import annotations

import pytest

from app.retrieval.matches import matches


@pytest.mark.parametrize(
    ("question", "text", "language", "marked"),
    [
        ("When do the tides turn?", "The tide turned at the pier.", "en", ["tide", "turned"]),
        ("die Gezeiten", "Die Gezeiten wechseln.", "de", ["Gezeiten"]),
        ("die", "They die young, and die the cloth.", "en", ["die", "die"]),
        ("to be or not", "To be is to do.", "en", []),  # too short to say anything
        ("the", "The tide.", "en", ["The"]),  # nothing else was asked for
        ("潮汐何时", "海岸的潮汐每天两次。", "zh", ["潮汐"]),
        ("Straße", "Die STRASSE am Hafen", "de", ["STRASSE"]),
        ("tide 42", "42 tides", "", ["42", "tides"]),
        ("cafe", "Am Café.", "de", ["Café"]),
        ("हिन्दी", "यह हिन्दी है।", "hi", ["हिन्दी"]),
        ("كتاب", "هذا كِتَابٌ جديد", "ar", ["كِتَابٌ"]),
    ],
)
def test_the_words_that_tell_something_are_marked(
    question: str, text: str, language: str, marked: list[str]
) -> None:
    assert [text[start:end] for start, end in matches(question, text, language)] == marked
