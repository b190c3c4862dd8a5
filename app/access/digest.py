"""What is stored in the place of a secret."""

from __future__ import annotations

from hashlib import sha256


def digest(secret: str) -> str:
    """It can be compared, and not be read back: SHA-256 in 64 hexadecimal digits.

    Good for keys and tokens, which nobody can guess. Passwords may be guessed: see `passwords`.
    """
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
