"""Which files `tidemark ingest` takes, and what they are called as documents."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.cli.files import FoundFiles, SourceFile, find_files, read_parts
from app.errors import UnreadableDocument


def names(found: FoundFiles) -> list[str]:
    return [file.name for file in found.files]


def reasons(found: FoundFiles) -> str:
    return " ".join(error.message for _, error in found.refused)


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def test_a_file_is_named_by_its_own_name_wherever_it_lies(tmp_path: Path) -> None:
    made(tmp_path, "a/b/guide 🌊.md")
    assert names(find_files([tmp_path / "a" / ".." / "a" / "b" / "guide 🌊.md"])) == ["guide 🌊.md"]


def test_files_in_a_folder_are_named_by_their_place_in_it_in_order(tmp_path: Path) -> None:
    made(tmp_path, "b.md", "a/z.md", "a/c/d.txt")
    assert names(find_files([tmp_path])) == ["b.md", "a/z.md", "a/c/d.txt"]


def test_what_is_hidden_in_a_folder_is_left_out_and_counted(tmp_path: Path) -> None:
    made(tmp_path, ".git/config", ".env", "a/.cache", "a/b.md")
    found = find_files([tmp_path])
    assert (names(found), found.hidden) == (["a/b.md"], 3)


def test_a_hidden_file_that_is_named_is_taken(tmp_path: Path) -> None:
    made(tmp_path, ".notes")
    assert names(find_files([tmp_path / ".notes"])) == [".notes"]


def test_a_file_given_twice_is_taken_once(tmp_path: Path) -> None:
    made(tmp_path, "a.md")
    found = find_files([tmp_path, tmp_path / "a.md"])
    assert (names(found), found.refused) == (["a.md"], [])


def test_two_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    made(tmp_path, "a/x.md", "b/x.md")
    found = find_files([tmp_path / "a" / "x.md", tmp_path / "b" / "x.md"])
    assert names(found) == ["x.md"]
    assert "would be the document 'x.md'" in reasons(found)


@pytest.mark.parametrize("name", [b"a\nb.txt", b"\xff.txt", b"a\\..\\up.txt"])
def test_a_name_that_no_document_can_have_is_refused_alone(tmp_path: Path, name: bytes) -> None:
    made(tmp_path, "fine.md")
    (tmp_path / os.fsdecode(name)).touch()
    found = find_files([tmp_path])
    assert names(found) == ["fine.md"]
    assert len(found.refused) == 1


def test_a_link_to_its_own_folder_is_not_followed(tmp_path: Path) -> None:
    made(tmp_path, "a.md")
    (tmp_path / "again").symlink_to(tmp_path)
    assert names(find_files([tmp_path])) == ["a.md"]


def test_a_file_that_is_gone_says_so_when_it_is_read(tmp_path: Path) -> None:
    found = find_files([made(tmp_path, "a.md")])
    (tmp_path / "a.md").unlink()
    with pytest.raises(UnreadableDocument, match="There is no file"):
        list(read_parts(found.files[0]))


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableDocument, match="not a regular file"):
        list(read_parts(SourceFile(tmp_path / "pipe", "pipe")))


def test_a_files_bytes_come_in_parts(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 3_000_000)
    parts = list(read_parts(SourceFile(tmp_path / "large", "large")))
    assert len(parts) == 3
    assert sum(map(len, parts)) == 3_000_000
