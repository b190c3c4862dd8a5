"""The migrations are one line: each number once, each after the one before it."""

from __future__ import annotations

import re

from app.config import project_folder


def test_each_migration_has_its_own_number_and_follows_the_one_before() -> None:
    files = sorted((project_folder() / "migrations" / "versions").glob("*.py"))
    found = [
        re.findall(r'^(?:down_)?revision = "?(\w+)"?$', file.read_text(), re.MULTILINE)
        for file in files
    ]
    numbers = [f"{number:04}" for number in range(1, len(files) + 1)]
    assert found == [[n, before] for n, before in zip(numbers, ["None", *numbers], strict=False)]
    assert [file.name.partition("_")[0] for file in files] == numbers
