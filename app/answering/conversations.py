"""Conversations as they are stored: whose they are, their turns, and the links that share them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from app.access.digest import digest
from app.access.rights import EVERYTHING, Sight
from app.answering.conversation import Conversation, NewTurn, SharedLink, Turn
from app.answering.tables import CitationRow, ConversationRow, FeedbackRow, TurnRow
from app.answering.turns import bases_there, insert_turn, turn_of, turns_of
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.model import KnowledgeBase
from app.documents.tables import KnowledgeBaseRow
from app.errors import ConversationNotFound, InvalidRequest

LONGEST_TITLE = 120  # characters
KEPT = timedelta(hours=1)
"""How long a deletion can be undone."""


def title_of(question: str) -> str:
    """A conversation's first title: its first question, in a line."""
    words = " ".join(question.split())
    return words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1].rstrip() + "…"


@dataclass(frozen=True)
class ConversationStore:
    """Conversations. `owner` is a `digest`: what belongs to another is not there.

    Of knowledge bases that are not there for `sight`, neither conversations nor answers are.
    """

    database: Database
    sight: Sight = EVERYTHING

    def begin(self, owner: str, base: KnowledgeBase, turn: NewTurn) -> Turn:
        """A new conversation with a knowledge base, which begins with `turn`."""

        def insert(session: Session) -> Turn:
            moment = now()
            row = ConversationRow(
                owner=owner,
                knowledge_base=base.name,
                knowledge_base_id=base.id,
                title=title_of(turn.question),
                created_at=moment,
                updated_at=moment,
            )
            session.add(row)
            session.flush()
            return insert_turn(session, row.id, turn, self.sight)

        return self.database.transaction(insert)

    def add(self, owner: str, conversation_id: int, turn: NewTurn) -> Turn:
        """A turn more.

        Raises:
            ConversationNotFound: there is no such conversation of the owner's.
            InvalidRequest: the parent is no turn of the conversation.
        """

        def insert(session: Session) -> Turn:
            row = self._owned(session, owner, conversation_id)
            parent = session.get(TurnRow, turn.parent_id) if turn.parent_id else None
            if turn.parent_id and (parent is None or parent.conversation_id != row.id):
                raise InvalidRequest("The question follows a turn that the conversation lacks.")
            row.updated_at = now()
            return insert_turn(session, row.id, turn, self.sight)

        return self.database.transaction(insert)

    def get(self, owner: str, conversation_id: int) -> tuple[Conversation, tuple[Turn, ...]]:
        """The conversation, and its turns in the order in which they were asked.

        Raises:
            ConversationNotFound: there is no such conversation of the owner's.
        """

        def read(session: Session) -> tuple[Conversation, tuple[Turn, ...]]:
            row = self._owned(session, owner, conversation_id)
            return _conversation(row), turns_of(session, row.id, self.sight)

        return self.database.transaction(read)

    def shared(self, token: str) -> tuple[Conversation, tuple[Turn, ...]]:
        """What the link with `token` shows: what its maker could read, whoever reads it.

        Raises:
            ConversationNotFound: there never was such a link, it was revoked, or its knowledge base
                was deleted.
        """

        def read(session: Session) -> tuple[Conversation, tuple[Turn, ...]]:
            row = session.scalar(
                select(ConversationRow).where(
                    ConversationRow.share == digest(token),
                    ConversationRow.deleted_at.is_(None),
                    base_is_there(EVERYTHING),
                )
            )
            if row is None:
                raise ConversationNotFound("This link shows no conversation, or none any more.")
            return _conversation(row), turns_of(session, row.id, EVERYTHING)

        return self.database.transaction(read)

    def list(self, owner: str, words: str = "", limit: int = 100) -> tuple[Conversation, ...]:
        """The owner's conversations, the last used first; with `words` in a title or question."""
        wanted = words.strip()

        def read(session: Session) -> tuple[Conversation, ...]:
            query = select(ConversationRow).where(
                ConversationRow.owner == owner,
                ConversationRow.deleted_at.is_(None),
                base_is_there(self.sight),
            )
            if wanted:
                asked = select(TurnRow.conversation_id).where(
                    TurnRow.question.icontains(wanted, autoescape=True)
                )
                titled = ConversationRow.title.icontains(wanted, autoescape=True)
                query = query.where(or_(titled, ConversationRow.id.in_(asked)))
            query = query.order_by(ConversationRow.updated_at.desc()).limit(limit)
            return tuple(_conversation(row) for row in session.scalars(query))

        return self.database.transaction(read)

    def rename(self, owner: str, conversation_id: int, title: str) -> Conversation:
        """Give a conversation another title.

        Raises:
            InvalidRequest: the title is empty.
            ConversationNotFound: there is no such conversation of the owner's.
        """
        if not title.strip():
            raise InvalidRequest("The title is empty.", remedy="Type a few words.")

        def write(session: Session) -> Conversation:
            row = self._owned(session, owner, conversation_id)
            row.title = title_of(title)
            return _conversation(row)

        return self.database.transaction(write)

    def delete(self, owner: str, conversation_id: int) -> None:
        """Take a conversation away; `restore` brings it back within `KEPT`."""

        def write(session: Session) -> None:
            self._owned(session, owner, conversation_id).deleted_at = now()

        self.database.transaction(write)
        self.database.transaction(_clear)

    def restore(self, owner: str, conversation_id: int) -> None:
        """Bring a deleted conversation back.

        Raises:
            ConversationNotFound: it is gone for good, or never was the owner's.
        """

        def write(session: Session) -> None:
            self._owned(session, owner, conversation_id, deleted=True).deleted_at = None

        self.database.transaction(write)

    def share(self, owner: str, conversation_id: int) -> str:
        """The token of a new link; an older link shows nothing from now on.

        Raises:
            ConversationNotFound: there is no such conversation of the owner's.
            InvalidRequest: a link would show what the owner may not read.
        """
        token = secrets.token_urlsafe(32)

        def write(session: Session) -> None:
            row = self._owned(session, owner, conversation_id)
            if any(turn.hidden for turn in turns_of(session, row.id, self.sight)):
                raise InvalidRequest(
                    "An answer of it comes from a knowledge base that is not there for you.",
                    remedy="Ask what is to be shared in a conversation of its own.",
                )
            row.share = digest(token)

        self.database.transaction(write)
        return token

    def revoke(self, owner: str, conversation_id: int) -> None:
        """Let the link show nothing from now on."""

        def write(session: Session) -> None:
            self._owned(session, owner, conversation_id).share = None

        self.database.transaction(write)

    def links(self, base: KnowledgeBase) -> tuple[SharedLink, ...]:
        """The links to conversations with a knowledge base, anybody's, the last used first."""

        def read(session: Session) -> tuple[SharedLink, ...]:
            query = self._shared(base).order_by(ConversationRow.updated_at.desc())
            return tuple(
                SharedLink(row.id, row.title, row.owner, with_zone(row.updated_at))
                for row in session.scalars(query)
            )

        return self.database.transaction(read)

    def end_link(self, base: KnowledgeBase, conversation_id: int) -> None:
        """Let the link to a conversation show nothing from now on, whoever made it.

        Raises:
            ConversationNotFound: there is no such link.
        """

        def write(session: Session) -> None:
            row = session.scalar(self._shared(base).where(ConversationRow.id == conversation_id))
            if row is None:
                raise ConversationNotFound(
                    f"There is no link to a conversation {conversation_id} with {base.name!r}.",
                    remedy="List the knowledge base's shared links to see what is there.",
                )
            row.share = None

        self.database.transaction(write)

    def _shared(self, base: KnowledgeBase) -> Select[ConversationRow]:
        return select(ConversationRow).where(
            ConversationRow.share.is_not(None),
            ConversationRow.deleted_at.is_(None),
            ConversationRow.knowledge_base == base.name,
            base_is_there(self.sight),
        )

    def turn(self, owner: str, turn_id: int) -> Turn:
        """One turn.

        Raises:
            ConversationNotFound: there is no such turn of the owner's.
        """

        def read(session: Session) -> Turn:
            row = session.get(TurnRow, turn_id)
            if row is None:
                raise ConversationNotFound(f"There is no turn {turn_id}.")
            self._owned(session, owner, row.conversation_id)
            return turn_of(row, bases_there(session, self.sight, [row]))

        return self.database.transaction(read)

    def knowledge_base_of(self, number: int, *, turn: bool) -> str | None:
        """The name of the knowledge base that a conversation, or a turn's, is held with.

        None where there is no such conversation, or its knowledge base is not there.
        """
        held = select(ConversationRow.knowledge_base).where(base_is_there(self.sight))
        if turn:
            of_turn = TurnRow.conversation_id == ConversationRow.id
            held = held.join(TurnRow, of_turn).where(TurnRow.id == number)
        else:
            held = held.where(ConversationRow.id == number)
        return self.database.transaction(lambda session: session.scalar(held))

    def _owned(
        self, session: Session, owner: str, conversation_id: int, *, deleted: bool = False
    ) -> ConversationRow:
        row = session.scalar(
            select(ConversationRow).where(
                ConversationRow.id == conversation_id,
                ConversationRow.owner == owner,
                base_is_there(self.sight),
            )
        )
        if row is None or (row.deleted_at is not None and not deleted):
            raise _not_found(conversation_id)
        return row


def _not_found(conversation_id: int) -> ConversationNotFound:
    return ConversationNotFound(f"There is no conversation {conversation_id} of yours.")


def base_is_there(sight: Sight) -> ColumnElement[bool]:
    """That a conversation's knowledge base is there: the one that it began in, and not a later one
    of the same name."""
    there = exists().where(KnowledgeBaseRow.deletion == 0, sight.among(KnowledgeBaseRow.id))
    same_name = (
        KnowledgeBaseRow.name == ConversationRow.knowledge_base,
        KnowledgeBaseRow.created_at <= ConversationRow.created_at,
    )
    return or_(
        there.where(KnowledgeBaseRow.id == ConversationRow.knowledge_base_id),
        and_(ConversationRow.knowledge_base_id.is_(None), there.where(*same_name)),
    )


def _clear(session: Session) -> None:
    """Delete for good what nobody can bring back any more, a few at a time."""
    old = select(ConversationRow.id).where(ConversationRow.deleted_at < now() - KEPT).limit(20)
    ids = list(session.scalars(old))
    turns = list(session.scalars(select(TurnRow.id).where(TurnRow.conversation_id.in_(ids))))
    session.execute(delete(CitationRow).where(CitationRow.turn_id.in_(turns)))
    session.execute(delete(FeedbackRow).where(FeedbackRow.turn_id.in_(turns)))
    session.execute(delete(TurnRow).where(TurnRow.id.in_(turns)))
    session.execute(delete(ConversationRow).where(ConversationRow.id.in_(ids)))


def _conversation(row: ConversationRow) -> Conversation:
    return Conversation(
        id=row.id,
        knowledge_base=row.knowledge_base,
        title=row.title,
        shared=row.share is not None,
        created_at=with_zone(row.created_at),
        updated_at=with_zone(row.updated_at),
    )
