"""A text without the marks of its markup, for excerpts: the document itself is shown as written.

Line by line with plain string methods: an expression for whole tables took minutes on a bad text.
"""

from __future__ import annotations

import re

DOT = " \u00b7 "  # between the cells of a table's row
DEEPEST = 6  # level of a heading

_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\([^()\s]{0,500}\)")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?! )([^*\n]{1,300})(?<! )\*(?![\w*])")
_BOLD = re.compile(r"(?<!\w)\*\*(?=\S)[^*\n]+\*\*(?!\w)")
_HEADING = re.compile(r"\A#{1,6}[ \t]+")
_FENCES = ("```", "~~~")
_WRAP = re.compile(r"(\S)[^\S\n]*\n\s*(?=(\S))")
_UNSPACED = re.compile(r"[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60]")
"""Chinese and Japanese, and their punctuation."""
_CODE = re.compile(r"`([^`\n]+)`")


def as_read(text: str) -> str:
    """A document's own words as a person reads them: in one line, and without marks."""
    return plain(running(text))


def plain(text: str) -> str:
    lines = (_plain_line(line.strip()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def running(text: str) -> str:
    """A sentence in one line, whatever lines its document has it in; code stays as it is.

    Scripts that put no space between words get none where a line ended.
    """
    return text if text.startswith(_FENCES) else _WRAP.sub(_unwrapped, text)


def unmarked(piece: str, sentence: str) -> str:
    """A piece of a chat model's sentence without the marks of bold type and of headings.

    Models write them, though they are told not to; a program's `2**3` stays.
    """
    return _HEADING.sub("", piece.replace("**", "") if _BOLD.search(sentence) else piece)


def _plain_line(line: str) -> str:
    if line.startswith(_FENCES) or ("---" in line and not line.strip("|:- \t")):
        return ""  # around code, under a table's head, or between two parts of a text
    if line.startswith("#"):
        words = line.lstrip("#")
        if len(line) - len(words) <= DEEPEST and words[:1].isspace():
            line = words.rstrip("# ").strip()
    elif len(line) > 1 and line.startswith("|") and line.endswith("|"):
        line = DOT.join(cell for each in line.split("|") if (cell := each.strip()))
    return _CODE.sub(r"\1", _EMPHASIS.sub(r"\1", _LINK.sub(r"\1", _without_bold(line))))


def _unwrapped(line_end: re.Match[str]) -> str:
    unspaced = _UNSPACED.match(line_end[1]) and _UNSPACED.match(line_end[2])
    return line_end[1] if unspaced else f"{line_end[1]} "


def _without_bold(line: str) -> str:
    pieces = line.split("**")
    bold = pieces[1::2]
    closed = len(pieces) % 2 == 1
    return "".join(pieces) if closed and all(p and p == p.strip() for p in bold) else line
