"""Which documents a search may find: typed conditions, never text that becomes SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Select, or_, select

from app.documents.kinds import MEDIA_TYPES, known_kind
from app.documents.listing import named
from app.documents.tables import DocumentRow, RevisionRow
from app.errors import InvalidRequest

MOST_VALUES = 100  # of one condition
LONGEST_VALUE = 500  # characters


@dataclass(frozen=True)
class Filter:
    """Conditions on documents, and on the sections in them; without any, everything is left.

    Each condition that is given must hold. `names`, `kinds` and `sections` each hold where any of
    their values does: a stretch of the document's name or title, a kind of file, a stretch of one
    of the headings that a passage stands under, all in any case. `since` and `until` are days, in
    UTC, both included: when the document's revision was uploaded.
    """

    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    sections: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    @property
    def of_documents(self) -> bool:
        """Whether some documents are left out whole."""
        return bool(self.names or self.kinds or self.since or self.until)


ALL = Filter()


def checked_filter(given: Filter) -> Filter:
    """`given`, with each kind as it is called here.

    Raises:
        InvalidRequest: a value that cannot be one, in words.
    """
    for name in ("names", "kinds", "sections"):
        values = getattr(given, name)
        if len(values) > MOST_VALUES or any(len(each) > LONGEST_VALUE for each in values):
            raise InvalidRequest(
                f"A filter has at most {MOST_VALUES} values of {LONGEST_VALUE} characters.",
                remedy="Leave some of them out.",
            )
    if given.since and given.until and given.until < given.since:
        raise InvalidRequest(
            f"No day is both after {given.since} and before {given.until}.",
            remedy="Give the earlier day first.",
        )
    return Filter(
        given.names, tuple(map(_kind, given.kinds)), given.since, given.until, given.sections
    )


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
    if wanted.since:
        yield RevisionRow.created_at >= datetime.combine(wanted.since, time.min)
    if wanted.until:
        day_after = datetime.combine(wanted.until, time.min) + timedelta(days=1)
        yield RevisionRow.created_at < day_after
