"""Secrets that must be kept and sent on, so that whoever reads the database reads none of them."""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from app.config import Settings
from app.errors import InvalidSetting

FILE = "secret.key"


@dataclass(frozen=True)
class Vault:
    """Encrypts by the key in the settings; without one, by a file in the data folder."""

    given: SecretStr | None
    folder: Path

    @classmethod
    def of(cls, settings: Settings) -> Vault:
        return cls(settings.secret_key, settings.data_dir)

    def seal(self, secret: SecretStr) -> bytes:
        return self._cipher().encrypt(secret.get_secret_value().encode())

    def open(self, sealed: bytes) -> SecretStr:
        """The secret.

        Raises:
            InvalidSetting: it was sealed with another key.
        """
        try:
            return SecretStr(self._cipher().decrypt(sealed).decode())
        except InvalidToken:
            raise InvalidSetting(
                "A provider's key was stored by a Tidemark with another secret key.",
                remedy="Give all processes the same TIDEMARK_SECRET_KEY, or add the model again.",
            ) from None

    def _cipher(self) -> Fernet:
        given = self._made() if self.given is None else self.given.get_secret_value().encode()
        return Fernet(base64.urlsafe_b64encode(sha256(given).digest()))

    def _made(self) -> bytes:
        """The file's content; made at the first use, readable by its owner alone."""
        path = self.folder / FILE
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                with NamedTemporaryFile("w", dir=self.folder, prefix=f"{FILE}.") as file:
                    file.write(secrets.token_hex(32))
                    file.flush()
                    os.fsync(file.fileno())
                    with suppress(FileExistsError):  # another process was quicker
                        os.link(file.name, path)  # so that nobody ever reads a part of it
        except OSError as refused:
            raise InvalidSetting(
                f"{str(path)!r} cannot be made, with which providers' keys are encrypted.",
                remedy="Set TIDEMARK_SECRET_KEY to a long random word.",
            ) from refused
        return path.read_bytes()
