"""`.env.example` is what a person reads to configure Tidemark, so it must be what the code does."""

from __future__ import annotations

import textwrap
from itertools import pairwise

from app.config import Settings, project_folder, setting_name

HEAD = """\
# Every setting of Tidemark, with its default. Copy this file to .env, or set the same names in the
# environment, which wins. What is not set, or empty, has the default.
"""
DEPENDS = {
    "data_dir": "By default the platform's folder for a user's data.",
    "cache_dir": "By default the platform's folder for a user's caches.",
}


def described() -> str:
    """The file as it should be."""
    blocks = [HEAD]
    for field, info in Settings.model_fields.items():
        meaning = " ".join(filter(None, (info.description, DEPENDS.get(field))))
        default = "" if field in DEPENDS or info.default is None else str(info.default)
        lines = textwrap.wrap(meaning, width=98, break_on_hyphens=False, break_long_words=False)
        blocks.append(
            "\n".join(f"# {line}" for line in lines) + f"\n#{setting_name(field)}={default}\n"
        )
    return "\n".join(blocks)


def test_the_example_lists_every_setting_with_its_default_and_meaning() -> None:
    example = project_folder() / ".env.example"
    assert example.read_text() == described(), f"{example} should be:\n\n{described()}"


def test_every_setting_has_a_meaning() -> None:
    assert [name for name, info in Settings.model_fields.items() if not info.description] == []


def test_related_settings_stand_together() -> None:
    rooms = [name.split("_")[0] for name in Settings.model_fields]
    changes = [later for earlier, later in pairwise(rooms) if later != earlier]
    assert changes.count("embedding") == 1
    assert changes.count("chat") == 1
