"""Who calls, told by what they show; and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.access.keys import ApiKey, KeyStore, masked
from app.access.rights import NOTHING, Right, Role, Scope, Sight
from app.errors import NotAllowed, NotSignedIn, WrongKey


@dataclass(frozen=True)
class Caller:
    """Somebody, or a program.

    `roles` is by the knowledge base's id, None for an administrator of all of Tidemark; `scopes`
    is None for somebody who came without a key.
    """

    name: str
    roles: Mapping[int, Role] | None
    scopes: frozenset[Scope] | None = None
    key: ApiKey | None = None

    def sight(self, right: Right) -> Sight:
        """The knowledge bases that are there for a request that needs `right`.

        Raises:
            NotAllowed: the caller may not make such requests at all.
        """
        if right is Right.OPEN:
            return NOTHING
        if self.scopes is not None and right.scope is not None and right.scope not in self.scopes:
            raise NotAllowed(
                f"This API key lacks the scope {right.scope!r}.",
                remedy="Use a key that has it, or ask an administrator for one.",
            )
        if right is Right.ADMIN and self.roles is not None:
            raise NotAllowed("Only an administrator may do that.")
        return Sight(self.roles, right.role)


LOCAL = Caller("this machine", None)
"""Whoever reaches a Tidemark that only this machine can reach."""


@dataclass(frozen=True)
class Callers:
    """Tells callers apart. `asks` is whether somebody who shows nothing is a stranger."""

    keys: KeyStore
    asks: bool

    def by_key(self, secret: str | None, *, required: bool) -> Caller:
        """Who shows this key; where nobody is asked who they are and no key has been made, anyone.

        `required` says whether one must be shown even where nobody is asked, once keys are made.

        Raises:
            NotSignedIn: no key is shown, and one is needed.
            WrongKey: there is no such key, or it may not be used any more.
        """
        if secret is None and not required and not self.asks:
            return LOCAL
        key = None if secret is None else self.keys.found(secret)
        if key is not None:
            roles = None
            if key.knowledge_bases is not None:
                roles = dict.fromkeys(key.knowledge_bases, Role.ADMINISTRATOR)
            return Caller(f"the key {key.name!r}", roles, key.scopes, key)
        if not self.asks and not self.keys.any_made():  # as local servers do
            return LOCAL
        if secret is None:
            raise NotSignedIn("This needs an API key.")
        raise WrongKey(f"Incorrect API key provided: {masked(secret)}.")
