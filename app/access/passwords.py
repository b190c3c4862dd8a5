"""Passwords, kept as Argon2id hashes by argon2-cffi, with the parameters of RFC 9106."""

from __future__ import annotations

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError

from app.errors import InvalidRequest

SHORTEST, LONGEST = 10, 200  # characters

_hasher = PasswordHasher()
_turn = BoundedSemaphore(2)  # each takes 64 MiB: a crowd at the door must not take all memory
_NOBODYS = _hasher.hash("the password of nobody at all")


def hashed(password: str) -> str:
    """The hash to keep.

    Raises:
        InvalidRequest: the password is too short, or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidRequest(
            f"A password has {SHORTEST} to {LONGEST} characters.", remedy="A few words do well."
        )
    with _turn:
        return _hasher.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether this is the password; takes as long where there is none to compare with."""
    with _turn:
        try:
            _hasher.verify(kept or _NOBODYS, password[:LONGEST])
        except (VerifyMismatchError, VerificationError):
            return False
    return kept is not None
