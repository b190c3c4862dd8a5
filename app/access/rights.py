"""What a request needs, what a caller may do, and which knowledge bases are there for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from app.errors import InvalidRequest, NotAllowed, TidemarkError


class Role(IntEnum):
    """What somebody is in one knowledge base; each may do what those before it may."""

    READER = 1
    EDITOR = 2
    ADMINISTRATOR = 3


def role_of(name: str) -> Role | None:
    """The role of that name; None for `none`.

    Raises:
        InvalidRequest: it is no role; the remedy names those that are.
    """
    if name == "none":
        return None
    try:
        return Role[name.upper()]
    except KeyError:
        choices = ", ".join(role.name.lower() for role in Role)
        raise InvalidRequest(
            f"{name[:40]!r} is no role.", remedy=f"Roles are {choices} and none."
        ) from None


class Scope(StrEnum):
    """What an API key may be used for; none includes another."""

    READ = "read"
    WRITE = "write"
    EMBED = "embed"
    CHAT = "chat"
    ADMIN = "admin"


class Right(StrEnum):
    """What a route needs: a role in the knowledge base that it is about, and a key's scope."""

    OPEN = "open"
    """Nothing: whoever reaches the address may. No knowledge base is there for such a route."""
    KNOWN = "known"
    """To be somebody; what is shown is what they may read."""
    ACCOUNT = "account"
    """To be a person, not a key: what somebody does about their own account."""
    READ = "read"
    """To search a knowledge base and read its documents."""
    ASK = "ask"
    """To have questions answered from a knowledge base, at the chat model's price."""
    EMBED = "embed"
    """To use the embedding model."""
    WRITE = "write"
    """To add, change and delete what is in a knowledge base."""
    MANAGE = "manage"
    """To change a knowledge base itself, and who may use it."""
    ADMIN = "admin"
    """To change Tidemark as a whole: no role in knowledge bases suffices."""

    @property
    def role(self) -> Role:
        """The role it needs, in each knowledge base that the request is about."""
        if self is Right.WRITE:
            return Role.EDITOR
        return Role.ADMINISTRATOR if self in {Right.MANAGE, Right.ADMIN} else Role.READER

    @property
    def scope(self) -> Scope | None:
        """The scope that a key must have; None where any key will do."""
        return _SCOPES.get(self)


_SCOPES = {
    Right.READ: Scope.READ,
    Right.ASK: Scope.CHAT,
    Right.EMBED: Scope.EMBED,
    Right.WRITE: Scope.WRITE,
    Right.MANAGE: Scope.ADMIN,
    Right.ADMIN: Scope.ADMIN,
}


@dataclass(frozen=True)
class Sight:
    """The knowledge bases that are there for a request, and the role that it needs in them.

    `roles` is by the knowledge base's id; None stands for an administrator in every one.
    """

    roles: Mapping[int, Role] | None
    needed: Role = Role.READER

    def sees(self, knowledge_base_id: int) -> bool:
        return self.roles is None or knowledge_base_id in self.roles

    def suffices(self, knowledge_base_id: int) -> bool:
        """Whether the request may be about that knowledge base."""
        return self.roles is None or self.roles.get(knowledge_base_id, 0) >= self.needed

    def check(self, knowledge_base_id: int, missing: TidemarkError) -> None:
        """Refuse what may not be seen as if it were not there, and say so of what may only be read.

        Raises:
            TidemarkError: `missing`.
            NotAllowed: the role is too small.
        """
        if self.roles is None:
            return
        role = self.roles.get(knowledge_base_id)
        if role is None:
            raise missing
        if role < self.needed:
            raise NotAllowed(
                f"That needs the role of {self.needed.name.lower()} in this knowledge base; "
                f"yours is {role.name.lower()}."
            )

    def among(self, knowledge_base_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        """The condition on rows that they belong to what may be seen."""
        return true() if self.roles is None else knowledge_base_id.in_(list(self.roles))


EVERYTHING = Sight(None)
NOTHING = Sight({})
