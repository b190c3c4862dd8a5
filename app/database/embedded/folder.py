"""The embedded server's folder: where all of it lies, and what one start tells the next."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from app.errors import EmbeddedServerFailed


@dataclass(frozen=True)
class ServerState:
    """What one start leaves for the next."""

    kind: Literal["process", "container"]
    version: str
    """The TiDB that wrote the data last, as `v8.5.4`."""
    port: int
    status_port: int
    initialized: bool = False
    """Whether the first start came to its end; before that there are no data of value."""
    running: bool = False
    """Set before a start, cleared after a clean stop: without a server, it tells of a crash."""
    unchecked: bool = False
    """Whether the tables are still to be checked after an unclean stop."""
    kept: bool = False
    """Whether it runs on when the last to use it leaves, until it is told to stop."""


@dataclass(frozen=True)
class ServerFolder:
    """`<data folder>/tidb`, readable by its owner only."""

    path: Path

    @classmethod
    def within(cls, data_dir: Path) -> ServerFolder:
        return cls(data_dir / "tidb")

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def log(self) -> Path:
        return self.path / "log" / "tidb.log"

    @property
    def slow_log(self) -> Path:
        return self.path / "log" / "slow.log"

    @property
    def output(self) -> Path:
        """What the server writes to its standard streams: panics, and what comes before logging."""
        return self.path / "log" / "output.log"

    @property
    def temporary(self) -> Path:
        return self.path / "tmp"

    @property
    def leases(self) -> Path:
        return self.path / "leases"

    @property
    def lock(self) -> Path:
        """Locked by whoever starts, joins or stops the server."""
        return self.path / "lock"

    @property
    def alive(self) -> Path:
        """Locked by the server process itself for as long as it lives."""
        return self.path / "alive"

    @property
    def pid(self) -> Path:
        return self.path / "pid"

    @property
    def password_file(self) -> Path:
        return self.path / "password"

    @property
    def configuration(self) -> Path:
        return self.path / "config.toml"

    @property
    def first_statements(self) -> Path:
        return self.path / "initialize.sql"

    @property
    def _state_file(self) -> Path:
        return self.path / "state.json"

    def make(self) -> None:
        """Make the folder and those in it that are not there yet."""
        for folder in (self.path, self.log.parent, self.temporary, self.leases):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)

    def has_data(self) -> bool:
        return self.data.is_dir() and any(self.data.iterdir())

    def left_open(self) -> bool:
        """Whether the store's own lock file is there, which TiDB removes once it has closed it.

        While no server runs, this is a crash that nobody saw: a kill that came just before a stop.
        """
        return (self.data / "kv" / "LOCK").exists()

    def state(self) -> ServerState | None:
        """What the last start left; None before the first.

        Raises:
            EmbeddedServerFailed: the file is there and cannot be understood.
        """
        try:
            text = self._state_file.read_text()
        except FileNotFoundError:
            return None
        try:
            return ServerState(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise EmbeddedServerFailed(
                f"The embedded TiDB's record {self._state_file} cannot be read: {error}.",
                remedy="Delete that file and start again: the data are kept, and checked.",
            ) from None

    def remember(self, state: ServerState) -> None:
        self.write_privately(self._state_file, json.dumps(asdict(state), indent=2) + "\n")

    def password(self) -> str:
        """The root password; made up when there are no data yet.

        Raises:
            EmbeddedServerFailed: there are data, and the file is gone.
        """
        try:
            return self.password_file.read_text().strip()
        except FileNotFoundError:
            if self.has_data():
                raise password_failure(self, "is missing") from None
        made = secrets.token_urlsafe(32)
        self.write_privately(self.password_file, made + "\n")
        return made

    def write_privately(self, path: Path, text: str) -> None:
        """Put `text` at `path` in one step, readable by the owner only."""
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(path)


def password_failure(folder: ServerFolder, what: str) -> EmbeddedServerFailed:
    """The password file of `folder` is missing or wrong, and only its owner can mend that."""
    return EmbeddedServerFailed(
        f"The embedded TiDB's password in {folder.password_file} {what}.",
        remedy=f"Put the right file back from a backup; or move {folder.path} away to start with "
        "an empty database, and upload the documents again.",
    )
