"""What is read of an HTML page → blocks of Markdown-like text, with the headings among them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

from app.ingestion.parsers.html_events import Closed, Opened, Words, tags
from app.ingestion.parsers.html_table import TableText
from app.ingestion.parsers.parser import Heading

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = tags(
    "address article aside blockquote body caption center dd details div dl dt fieldset",
    "figcaption figure footer form header hgroup hr html legend li main menu nav ol p pre section",
    "summary table tbody td tfoot th thead tr ul",
) | frozenset(_HEADINGS)
_SPACE = re.compile(r"[ \t\n\f]+")
_LINE_BREAK = "\v"  # in no cleaned text: a line's end that joining white space must leave
_ZERO_WIDTH = re.compile("[`\u200b-\u200d\u2060]")  # and the marks of code
_DEEPEST_INDENT = 8


@dataclass
class HtmlBlocks:
    """`text`, built block by block, and its `headings` with their offsets into it."""

    headings: list[Heading] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _length: int = 0
    _inline: list[str] = field(default_factory=list)
    _verbatim: int = 0
    _indents: list[str] = field(default_factory=list)  # what each line begins with, outermost first
    _bullets: dict[int, str] = field(default_factory=dict)  # instead of which the next line begins
    _counters: list[int | None] = field(
        default_factory=list
    )  # of the lists around; None has no numbers
    _in_list: bool = False  # the last block was in a list
    _table: TableText | None = None

    @classmethod
    def of(cls, events: Iterable[Opened | Closed | Words]) -> HtmlBlocks:
        """The blocks that `events` give."""
        blocks = cls()
        for event in events:
            blocks._take(event)
        blocks._end_block()
        return blocks

    @property
    def text(self) -> str:
        """The whole text so far."""
        return "".join(self._parts)

    def _take(self, event: Opened | Closed | Words) -> None:
        if self._table is not None:
            self._table.take(event)
            if self._table.is_closed:
                self._write(self._table.text())
                self._table = None
        elif isinstance(event, Words):
            self._inline.append(event.text)
        elif event.tag == "br":
            self._inline.append(_LINE_BREAK if isinstance(event, Opened) else "")
        elif event.tag == "code" and not self._verbatim:
            self._inline.append("`")
        elif event.tag in _BLOCKS:
            if isinstance(event, Opened):
                self._open(event.tag, event.node)
            else:
                self._close(event.tag)

    def _open(self, tag: str, node: LexborNode) -> None:
        self._end_block()
        if tag == "table" and not _is_layout(node):
            self._table = TableText()
        elif tag in {"ul", "ol", "menu"}:
            self._counters.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._bullets[len(self._indents)] = bullet = self._next_bullet()
            self._indents.append(" " * len(bullet))
        elif tag == "blockquote":
            self._indents.append("> ")
        elif tag == "pre":
            self._verbatim += 1

    def _close(self, tag: str) -> None:
        self._end_block(_HEADINGS.get(tag, 0))
        if tag in {"ul", "ol", "menu"}:
            self._counters.pop()
        elif tag in {"li", "blockquote"}:
            self._indents.pop()
            self._bullets.pop(len(self._indents), None)
        elif tag == "pre":
            self._verbatim -= 1

    def _next_bullet(self) -> str:
        number = self._counters[-1] if self._counters else None
        if number is None:
            return "- "
        self._counters[-1] = number + 1
        return f"{number}. "

    def _end_block(self, level: int = 0) -> None:
        """Write what was read since the last block: a heading of `level`, a paragraph, or code."""
        raw = "".join(self._inline)
        self._inline.clear()
        if self._verbatim:
            if raw.strip():
                self._write_code(raw.replace(_LINE_BREAK, "\n").strip("\n").rstrip())
            return
        joined = _SPACE.sub(" ", raw).replace("``", "")
        lines = [line.strip() for line in joined.strip().split(_LINE_BREAK)]
        if level:
            self._write_heading(level, " ".join(line for line in lines if line))
        else:
            self._write("\n".join(lines).strip("\n"))

    def _write_heading(self, level: int, title: str) -> None:
        if title:
            self._write(f"{'#' * level} {title}")
            start = self._length - len(self._parts[-1])
            self.headings.append(Heading(start, level, _ZERO_WIDTH.sub("", title)))

    def _write_code(self, code: str) -> None:
        longest = max((len(run) for run in re.findall("`{3,}", code)), default=2)
        fence = "`" * (longest + 1)
        self._write(f"{fence}\n{code}\n{fence}")

    def _write(self, block: str) -> None:
        if not block.strip():
            return
        indents = self._indents[:_DEEPEST_INDENT]
        first = "".join(self._bullets.get(i, indent) for i, indent in enumerate(indents))
        rest = "".join(indents)
        if self._parts:
            is_item = bool(self._bullets) and self._in_list
            self._append("\n" if is_item else "\n\n")
        self._in_list = bool(self._counters)
        self._bullets.clear()
        self._append(first + block.replace("\n", "\n" + rest))

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def _is_layout(table: LexborNode) -> bool:
    """Whether a table only arranges a page: its cells are then blocks like any others."""
    if table.attributes.get("role") in {"presentation", "none"}:
        return True
    return table.css_first("td table, td h1, td h2, td h3, td pre") is not None
