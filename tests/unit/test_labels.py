"""Tags and metadata, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.labels import LONGEST_TAG, MOST, Labels, checked_labels
from app.errors import InvalidRequest
from app.web.pages.labels import metadata_in, tags_in, written


def test_labels_are_kept_once_in_one_composition_and_without_white_space() -> None:
    kept = checked_labels([" e\u0301bb ", "\u00e9bb"], {" author ": " A. Shore "})
    assert kept == Labels(("\u00e9bb",), {"author": "A. Shore"})


@pytest.mark.parametrize("tag", ["", "  ", "a\nb", "a\u202eb", "x" * (LONGEST_TAG + 1)])
def test_a_tag_that_cannot_be_shown_in_a_line_is_refused(tag: str) -> None:
    with pytest.raises(InvalidRequest):
        checked_labels([tag], {})


def test_more_labels_than_a_document_may_have_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=f"at most {MOST}"):
        checked_labels([str(n) for n in range(MOST + 1)], {})


def test_a_line_of_metadata_without_a_colon_is_told() -> None:
    with pytest.raises(InvalidRequest, match="no colon"):
        metadata_in("author A. Shore")


PLAIN = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)


@given(tags=st.lists(PLAIN), metadata=st.dictionaries(PLAIN, PLAIN))
def test_what_the_form_shows_is_what_it_is_read_as(
    tags: list[str], metadata: dict[str, str]
) -> None:
    kept = checked_labels(tags, metadata)
    shown = written(kept)
    assert checked_labels(tags_in(shown[0]), metadata_in(shown[1])) == kept
