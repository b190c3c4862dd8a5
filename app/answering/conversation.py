"""A conversation: questions that follow each other, which may branch, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.answering.answer import Approach, Support

State = Literal["writing", "done", "stopped", "failed"]
"""Of a turn: its answer is being written; is whole; was stopped, or broke off, with what it had."""

LONGEST_ONLY = 500  # characters of the conditions on what is read
MOST_FURTHER = 49
"""Knowledge bases that a question may be asked of beside the conversation's own."""


@dataclass(frozen=True)
class Conversation:
    """Questions that belong together. `shared` tells that there is a link others can read it by."""

    id: int
    knowledge_base: str
    title: str
    shared: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Turn:
    """A question and its answer.

    `parent_id` is the turn before it; turns of one parent are branches. `standalone` is the
    question that was looked for. `said` are the events that were told of the answer, as the web
    tells them, without its single tokens. `only` are the conditions on what was read, as typed.
    `further` are the names of the knowledge bases that were asked beside the conversation's own.
    `hidden` tells that one of them is not there for the reader, or not any more; of such a turn
    nothing is told but the question.
    """

    id: int
    conversation_id: int
    parent_id: int | None
    question: str
    standalone: str
    top_k: int
    document_ids: tuple[int, ...]
    approach: Approach
    state: State
    said: tuple[tuple[str, str], ...]
    counts: dict[Support, int]
    created_at: datetime
    only: str = ""
    further: tuple[str, ...] = ()
    hidden: bool = False


@dataclass(frozen=True)
class SharedLink:
    """A link by which others read a conversation; `owner` is a `digest`, of whoever made it."""

    conversation_id: int
    title: str
    owner: str
    used_at: datetime
    """When something was last asked in the conversation."""


@dataclass(frozen=True)
class NewTurn:
    """A question that is about to be asked; `further` are ids of knowledge bases."""

    question: str
    standalone: str
    top_k: int
    document_ids: tuple[int, ...] = ()
    parent_id: int | None = None
    approach: Approach = "quick"
    only: str = ""
    further: tuple[int, ...] = ()


def leaf_of(turns: tuple[Turn, ...], turn_id: int | None) -> int | None:
    """The newest turn of the branch that goes through `turn_id`, or of all."""
    if turn_id is None or all(turn.id != turn_id for turn in turns):
        return turns[-1].id if turns else None
    leaf = turn_id
    for turn in turns:  # in the order of their ids: a child comes after its parent
        if turn.parent_id == leaf:
            leaf = turn.id
    return leaf


def path_to(turns: tuple[Turn, ...], leaf: int | None) -> list[Turn]:
    """The turns from the first to `leaf`, each the parent of the next."""
    known = {turn.id: turn for turn in turns}
    path: list[Turn] = []
    while leaf is not None and leaf in known:
        path.append(known[leaf])
        leaf = known[leaf].parent_id
    return path[::-1]
