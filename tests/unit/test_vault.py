"""Where the key that encrypts secrets comes from."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.embedding.vault import FILE, Vault
from app.errors import InvalidSetting

SECRET = SecretStr("sk-very-secret")


def test_the_file_is_made_once_for_its_owner_alone_and_opens_what_it_sealed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    sealed = Vault(None, folder).seal(SECRET)
    assert Vault(None, folder).open(sealed) == SECRET
    assert [each.name for each in folder.iterdir()] == [FILE]
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


def test_a_file_that_could_not_be_written_whole_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(InvalidSetting, match="cannot be made"):
            Vault(None, tmp_path).seal(SECRET)
    assert list(tmp_path.iterdir()) == []
    assert Vault(None, tmp_path).open(Vault(None, tmp_path).seal(SECRET)) == SECRET
