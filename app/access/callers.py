"""Who calls, told by what they show; and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.access.keys import ApiKey, KeyStore, masked
from app.access.rights import NOTHING, Right, Role, Scope, Sight
from app.access.sessions import Sessions
from app.access.users import User, UserStore
from app.errors import NotAllowed, NotSignedIn, UserNotFound, WrongKey

Roles = Mapping[int, Role] | None
"""By the knowledge base's id; None for an administrator of all of Tidemark."""


@dataclass(frozen=True)
class Caller:
    """Somebody, or a program; `scopes` is None for somebody who came without a key."""

    name: str
    roles: Roles
    scopes: frozenset[Scope] | None = None
    key: ApiKey | None = None
    user: User | None = None

    @property
    def identity(self) -> str | None:
        """What is theirs alone is kept under it; None for somebody whom only a browser knows."""
        if self.user is not None:
            return identity_of(self.user.id)
        if self.key is None:
            return None
        owner = self.key.user_id
        return f"key:{self.key.id}" if owner is None else identity_of(owner)

    def sight(self, right: Right) -> Sight:
        """The knowledge bases that are there for a request that needs `right`.

        Raises:
            NotAllowed: the caller may not make such requests at all.
        """
        if right is Right.OPEN:
            return NOTHING
        if right is Right.ACCOUNT and self.scopes is not None:
            raise NotAllowed("An API key has no account.", remedy="Sign in in a browser.")
        if self.scopes is not None and right.scope is not None and right.scope not in self.scopes:
            raise NotAllowed(
                f"This API key lacks the scope {right.scope!r}.",
                remedy="Use a key that has it, or ask an administrator for one.",
            )
        if right is Right.ADMIN and self.roles is not None:
            raise NotAllowed("Only an administrator may do that.")
        return Sight(self.roles, right.role)

    def may(self, right: Right, knowledge_base_id: int) -> bool:
        """Whether a request that needs `right` would be let through to that knowledge base."""
        try:
            sight = self.sight(right)
        except NotAllowed:
            return False
        return sight.roles is None or sight.roles.get(knowledge_base_id, 0) >= sight.needed


def identity_of(user_id: int) -> str:
    """What is a user's alone is kept under it."""
    return f"user:{user_id}"


LOCAL = Caller("this machine", None)
"""Whoever reaches a Tidemark that only this machine can reach."""


@dataclass(frozen=True)
class Callers:
    """Tells callers apart. `asks` is whether somebody who shows nothing is a stranger."""

    keys: KeyStore
    users: UserStore
    sessions: Sessions
    asks: bool

    def by_key(self, secret: str | None) -> Caller:
        """Who shows this key; where nobody is asked who they are and no key has been made, anyone.

        Raises:
            NotSignedIn: no key is shown.
            WrongKey: there is no such key, or it may not be used any more.
        """
        key = None if secret is None else self.keys.found(secret)
        if key is not None:
            return Caller(f"key {key.name!r}", self._roles(key), key.scopes, key)
        if not self.asks and not self.keys.any_made():  # as local servers do
            return LOCAL
        if secret is None:
            raise NotSignedIn("This needs an API key.")
        raise WrongKey(f"Incorrect API key provided: {masked(secret)}.")

    def by_session(self, token: str | None, *, used: bool = True) -> Caller:
        """Who has this session; where nobody is asked who they are, whoever it is.

        `used` is whether that counts as a use of it, without which it ends.

        Raises:
            NotSignedIn: there is none, or it has ended.
        """
        if not self.asks:
            return LOCAL
        found = None if token is None else self.sessions.found(token, used=used)
        if found is None:
            raise NotSignedIn("You are not signed in.", remedy="Sign in, or send an API key.")
        user, roles = found
        return Caller(f"user {user.name!r}", roles, user=user)

    def _roles(self, key: ApiKey) -> Roles:
        """What a key may see and do: what it is bound to, of what its owner may."""
        owned: Roles = None
        if key.user_id is not None:
            try:
                owner, owned = self.users.roles(key.user_id)
            except UserNotFound:
                owner = None
            if owner is None or owner.disabled:
                raise WrongKey("The owner of this API key may not use Tidemark any more.")
        if key.knowledge_bases is None:
            return owned
        if owned is None:
            return dict.fromkeys(key.knowledge_bases, Role.ADMINISTRATOR)
        return {base: role for base, role in owned.items() if base in key.knowledge_bases}
