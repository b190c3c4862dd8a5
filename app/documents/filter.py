"""Which documents a search may find: typed conditions, never text that becomes SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Select, exists, func, or_, select

from app.documents.kinds import MEDIA_TYPES, known_kind
from app.documents.labels import TAG
from app.documents.listing import named
from app.documents.tables import DocumentRow, LabelRow, RevisionRow
from app.errors import InvalidRequest

MOST_VALUES = 100  # of one condition
LONGEST_VALUE = 500  # characters


@dataclass(frozen=True)
class Filter:
    """Conditions on documents, and on the sections in them; without any, everything is left.

    Each condition that is given must hold. `names`, `kinds` and `sections` each hold where any of
    their values does: a stretch of the document's name or title, a kind of file, a stretch of one
    of the headings that a passage stands under, all in any case. `since` and `until` are days, in
    UTC, both included: when the document's revision was uploaded. A document must have each of
    `tags` and of `metadata`, which is names with values.
    """

    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    sections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    @property
    def of_documents(self) -> bool:
        """Whether some documents are left out whole."""
        return any(getattr(self, f.name) for f in fields(self) if f.name != "sections")


ALL = Filter()


def checked_filter(given: Filter) -> Filter:
    """`given`, with each kind as it is called here.

    Raises:
        InvalidRequest: a value that cannot be one, in words.
    """
    pairs = [(each,) for each in (*given.names, *given.kinds, *given.sections, *given.tags)]
    for values in (*pairs, *given.metadata):
        if len(pairs) > MOST_VALUES or any(len(each) > LONGEST_VALUE for each in values):
            raise InvalidRequest(
                f"A filter has at most {MOST_VALUES} values of {LONGEST_VALUE} characters.",
                remedy="Leave some of them out.",
            )
    if given.since and given.until and given.until < given.since:
        raise InvalidRequest(
            f"No day is both after {given.since} and before {given.until}.",
            remedy="Give the earlier day first.",
        )
    return replace(given, kinds=tuple(map(_kind, given.kinds)))


def _kind(name: str) -> str:
    known = known_kind(name)
    if known is None:
        raise InvalidRequest(
            f"There is no kind of file called {name[:80]!r}.",
            remedy=f"Use one of: {', '.join(sorted(MEDIA_TYPES))}.",
        )
    return known


def matching(knowledge_base_id: int, wanted: Filter) -> Select[int]:
    """The ids of the knowledge base's documents that the conditions on documents leave."""
    return (
        select(DocumentRow.id)
        .join(RevisionRow, RevisionRow.id == DocumentRow.current_revision_id)
        .where(named(knowledge_base_id, ""), *_conditions(wanted))
    )


def _conditions(wanted: Filter) -> Iterable[ColumnElement[bool]]:
    if wanted.names:
        yield or_(
            *(
                column.icontains(name, autoescape=True)
                for name in wanted.names
                for column in (DocumentRow.name, RevisionRow.title)
            )
        )
    if wanted.kinds:
        types = [media_type for kind in wanted.kinds for media_type in MEDIA_TYPES[kind]]
        yield RevisionRow.media_type.in_(types)
    for name, value in (*((TAG, tag) for tag in wanted.tags), *wanted.metadata):
        yield exists().where(
            LabelRow.document_id == DocumentRow.id,
            func.lower(LabelRow.name) == func.lower(name),
            func.lower(LabelRow.value) == func.lower(value),
        )
    if wanted.since:
        yield RevisionRow.created_at >= datetime.combine(wanted.since, time.min)
    if wanted.until:
        day_after = datetime.combine(wanted.until, time.min) + timedelta(days=1)
        yield RevisionRow.created_at < day_after
