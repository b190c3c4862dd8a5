"""What the README and the handbook name is there: pages, commands, settings, endpoints."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.program import program
from app.config import Settings, project_folder, setting_name
from app.ingestion.file_kinds import ENCRYPTED_OFFICE
from app.ingestion.media_type import described
from app.ingestion.parsers.registry import PARSERS
from app.main import create_app

ROOT = project_folder()
HANDBOOK = sorted((ROOT / "docs").glob("*.md"))
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *HANDBOOK,
    ROOT / "examples" / "README.md",
]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
EACH_OF_THE_HANDBOOK = pytest.mark.parametrize("page", HANDBOOK, ids=lambda page: page.name)

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")
LINK = re.compile(r"\[(?:[^\]]*)\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
SETTING = re.compile(r"\b(?:TIDEMARK_[A-Z][A-Z_]*|TIDB_[A-Z][A-Z_]*)\b")
ENDPOINT = re.compile(r"(?<![\w.])(?:https?://[\w.:]+)?(/(?:api|health)(?:/[\w.{}-]+)+)")
OPTION = re.compile(r"--?[a-z][a-z-]*")
TABLE_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.MULTILINE)
OF_OTHERS = frozenset({"--api-key"})
"""Options that belong to other programs: vLLM's."""


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", text)


@cache
def anchors(page: Path) -> frozenset[str]:
    """What GitHub calls the headings of a page."""
    made: list[str] = []
    for _, heading in HEADING.findall(prose(page.read_text())):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        again = made.count(plain)
        made.append(f"{plain}-{again}" if again else plain)
    return frozenset(made)


@EACH_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page.read_text())):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_the_readme_leads_to_every_page_of_the_handbook() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    assert [page.name for page in HANDBOOK if f"docs/{page.name}" not in linked] == []


@EACH_OF_THE_HANDBOOK
def test_a_page_of_the_handbook_begins_with_its_one_title(page: Path) -> None:
    levels = [len(marks) for marks, _ in HEADING.findall(prose(page.read_text()))]
    assert page.read_text().startswith("# ")
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@EACH_OF_THE_HANDBOOK
def test_the_handbook_never_raises_its_voice(page: Path) -> None:
    assert re.search(r"\w!(?:\s|$)", prose(page.read_text())) is None


def called(media_type: str) -> str:
    """What the handbook should call a kind of file: "DOCX", "gzip", "source code"."""
    said = described(media_type)
    short = re.search(r"\b[A-Z]{3,}\b", said)
    return short[0] if short else re.sub(r"^an? | archive$", "", said)


def test_the_handbook_tells_which_kinds_of_file_are_read_and_calls_none_of_them_unread() -> None:
    page = (ROOT / "docs" / "uploading.md").read_text()
    read, _, unread = page.partition("Not read yet:")
    kinds = {called(kind) for parser in PARSERS for kind in parser.media_types - {ENCRYPTED_OFFICE}}
    untold = [kind for kind in sorted(kinds) if kind.casefold() not in read.casefold()]
    assert untold == [], "they belong into the table of docs/uploading.md"
    unread = unread.partition("\n\n")[0]
    assert [kind for kind in kinds if re.search(rf"\b{kind}\b", unread.replace("PDFs", ""))] == []


def snippets(text: str) -> Iterator[str]:
    """Whatever is set as code: each line of the blocks, and what stands in backquotes."""
    for _, block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    for snippet in CODE.findall(prose(text)):
        yield " ".join(snippet.split())


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `tidemark …` in a page."""
    for snippet in snippets(text):
        plain = snippet.split(" #")[0].strip().removeprefix(".venv/bin/")
        if plain.startswith("tidemark "):
            yield shlex.split(plain)[1:]


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, "--help", "-h")}


def every_command(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if hasattr(command, "commands"):
            yield from every_command(command, f"{path}{name} ")


@cache
def command_line() -> Any:
    return typer.main.get_command(program)


@EACH_PAGE
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    unknown = []
    for arguments in commands(page.read_text()):
        command = command_line()
        for argument in arguments:
            if argument.startswith("-"):
                known = {name for each in options(command) for name in each.split("/")}
                known |= {name for parameter in command.params for name in parameter.secondary_opts}
                if argument not in known:
                    unknown.append(f"{' '.join(arguments)}: {argument}")
            elif hasattr(command, "commands"):
                if argument not in command.commands:
                    unknown.append(" ".join(arguments))
                    break
                command = command.commands[argument]
    assert unknown == []


@EACH_PAGE
def test_every_option_that_is_named_by_itself_is_one_of_a_command(page: Path) -> None:
    known = set(OF_OTHERS)
    for _, command in every_command(command_line()):
        for parameter in command.params:
            known |= {*parameter.opts, *parameter.secondary_opts}
    named = {
        snippet.split()[0]
        for snippet in CODE.findall(prose(page.read_text()))
        if OPTION.fullmatch(snippet.split()[0])
    }
    assert named - known - {"--help"} == set()


def test_the_handbook_names_every_command() -> None:
    told = {" ".join(arguments) for page in HANDBOOK for arguments in commands(page.read_text())}
    missing = [
        path
        for path, _ in every_command(command_line())
        if not any(each == path or each.startswith(f"{path} ") for each in told)
        and f"## tidemark {path}" not in (ROOT / "docs" / "command-line.md").read_text()
    ]
    assert missing == []


@EACH_PAGE
def test_every_setting_that_is_named_exists(page: Path) -> None:
    known = {setting_name(field) for field in Settings.model_fields}
    assert set(SETTING.findall(page.read_text())) - known == set()


@EACH_PAGE
def test_the_defaults_that_are_told_are_the_defaults(page: Path) -> None:
    defaults = {setting_name(field): info.default for field, info in Settings.model_fields.items()}
    wrong = []
    for name, told in TABLE_ROW.findall(page.read_text()):
        default = defaults.get(name)
        fixed = isinstance(default, str | int | float) and not isinstance(default, bool)
        if fixed and told.strip(" `").removesuffix(" MB") != str(default):
            wrong.append(f"{name}: {told}, not {default}")
    assert wrong == []


@cache
def endpoints() -> tuple[tuple[re.Pattern[str], frozenset[str]], ...]:
    """The addresses of the API, with the methods that each takes."""
    app = create_app(Settings(_env_file=None))
    made = [(re.compile(re.escape(app.openapi_url or "")), frozenset({"get"}))]
    for path, methods in app.openapi()["paths"].items():
        made.append((re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), frozenset(methods)))
    return tuple(made)


def methods_of(address: str) -> frozenset[str]:
    found = [methods for pattern, methods in endpoints() if pattern.fullmatch(address)]
    return frozenset().union(*found)


@EACH_PAGE
def test_every_endpoint_that_is_named_exists(page: Path) -> None:
    named = {address.rstrip(".") for address in ENDPOINT.findall(page.read_text())}
    assert [address for address in sorted(named) if not methods_of(address)] == []


@EACH_PAGE
def test_every_curl_asks_an_endpoint_by_a_method_that_it_takes(page: Path) -> None:
    wrong = []
    for snippet in snippets(page.read_text()):
        addresses = ENDPOINT.findall(snippet)
        if not snippet.startswith("curl ") or not addresses:
            continue
        given = re.search(r"-X (\w+)", snippet)
        sends = " -G " not in snippet and re.search(r" (?:-d|-F|--data\S*) ", snippet)
        method = given.group(1).lower() if given else "post" if sends else "get"
        if method not in methods_of(addresses[0]):
            wrong.append(f"{method} {addresses[0]}")
    assert wrong == []


def test_the_handbook_shows_every_endpoint() -> None:
    told = (ROOT / "docs" / "api.md").read_text()
    shown = set(ENDPOINT.findall(told))
    assert [
        pattern.pattern
        for pattern, _ in endpoints()
        if not any(pattern.fullmatch(address.rstrip(".")) for address in shown)
    ] == []
