"""What a search is asked with, in an address: the same for the page and the JSON API."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from pydantic import Field

from app.documents.filter import Filter, checked_filter
from app.retrieval.query import Grouping, Mode, Query, checked
from app.retrieval.query_syntax import typed_query
from app.web.addresses import Parameter
from app.web.api.shape import LARGEST_ID, Shape

FEW = 10


class SearchParams(Shape):
    """What is searched for, and where."""

    q: str = Field(examples=["when does the tide turn"])
    """The question, or words to look for: at most 8,000 characters. Phrases in quotes must stand in
    a passage, and words behind a minus may not; `name:`, `type:`, `tag:`, `section:`, `after:`
    and `before:` are filters, as the parameters of these names are."""
    top_k: int = FEW
    """How many passages: 1 to 200."""
    document: tuple[Annotated[int, Field(ge=1, le=LARGEST_ID)], ...] = ()
    """Look only into the documents of these ids; may be repeated."""
    mode: Mode = Mode.HYBRID
    """By meaning (`vector`), by words (`keyword`), or by both."""
    rerank: bool = True
    """Whether the reranker, if the settings name one, has the last word."""
    nearest: bool = False
    """Whether to tell each result's sentence nearest to the question in meaning, which takes the
    time to embed the sentences."""
    group: Grouping = Grouping.CHUNK
    """What one result is: a `chunk` as it is stored; a `passage`, with chunks of a section that
    follow each other as one, and near-identical ones once; or a `document`, by its best passage."""
    name: tuple[str, ...] = ()
    """Only documents with this in their name or title, in any case; repeated, any of these."""
    type: tuple[str, ...] = ()
    """Only documents of this kind, as `pdf` or `markdown`; repeated, any of these."""
    section: tuple[str, ...] = ()
    """Only passages under a heading with this in it, in any case; repeated, any of these."""
    tag: tuple[str, ...] = ()
    """Only documents with this tag, in any case; repeated, with each of these."""
    metadata: tuple[Annotated[str, Field(pattern="^[^:]+:.+$")], ...] = ()
    """Only documents with this metadata, as `author:A. Shore`; repeated, with each of these."""
    after: date | None = None
    """Only documents uploaded on this day or later, in UTC."""
    before: date | None = None
    """Only documents uploaded on this day or earlier, in UTC."""

    def filter(self) -> Filter:
        """The conditions on documents and sections.

        Raises:
            InvalidRequest: a value that cannot be one.
        """
        return checked_filter(
            Filter(
                names=self.name,
                kinds=self.type,
                since=self.after,
                until=self.before,
                sections=self.section,
                tags=self.tag,
                metadata=tuple(_named(each) for each in self.metadata),
            ),
        )

    def query(self) -> Query:
        """What is asked: what was typed, and the conditions."""
        asked = Query("", self.document, self.mode, self.filter(), rerank=self.rerank)
        asked = replace(asked, grouping=self.group)
        return typed_query(self.q, asked)

    def encoded(self) -> str:
        """The search as it stands in an address, to be kept."""
        checked(self.query(), self.top_k)  # refuses what no search could be
        return urlencode([pair for pair in self.pairs() if pair[0] in SearchParams.model_fields])

    def pairs(self) -> list[tuple[str, Parameter]]:
        """The parameters of an address that asks the same, those that say nothing left out."""
        return [
            (name, value if isinstance(value, int) else str(value))
            for name, field in type(self).model_fields.items()
            if (given := getattr(self, name)) != field.default
            for value in (given if isinstance(given, tuple) else (given,))
        ]


def params_of(encoded: str) -> SearchParams:
    """The search that was kept as `encoded`; what later versions don't know is left out."""
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(encoded):
        given.setdefault(name, []).append(value)
    fields = SearchParams.model_fields
    several = {name for name, field in fields.items() if isinstance(field.default, tuple)}
    return SearchParams.model_validate(
        {
            name: values if name in several else values[-1]
            for name, values in given.items()
            if name in fields
        }
    )


def _named(given: str) -> tuple[str, str]:
    name, _, value = given.partition(":")
    return name.strip(), value.strip()
