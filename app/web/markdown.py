"""A conversation as Markdown: answers as text, citations as footnotes with their quotes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urljoin

from app.answering.conversation import State
from app.web.api.answer import AnswerShape, CitationShape, SentenceShape

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&])|^(\s*)([-+=]|\d+[.)])", re.MULTILINE)


def as_markdown(
    title: str, turns: Sequence[tuple[str, AnswerShape | None, State]], base_url: str
) -> str:
    """The conversation: questions, what was written, and how that ended.

    Nothing in it can become a link, an image or HTML but our own links. `base_url` is where the
    reader reaches Tidemark.
    """
    lines = [f"# {_line(title)}", ""]
    notes: dict[str, str] = {}
    for question, answer, state in turns:
        lines += [f"## {_line(question)}", ""]
        lines += [_told(answer, notes, base_url), ""] if answer else []
        lines += [_ENDINGS[state], ""] if state != "done" or answer is None else []
    lines += [f"[^{number}]: {note}" for number, note in enumerate(notes.values(), 1)]
    return "\n".join(lines).rstrip() + "\n"


_ENDINGS: dict[State, str] = {
    "writing": "*The answer was still being written.*",
    "stopped": "*The answer was stopped here.*",
    "failed": "*The answer broke off here.*",
    "done": "*The answer cannot be shown.*",
}


def _told(answer: AnswerShape, notes: dict[str, str], base_url: str) -> str:
    if answer.nothing_found is not None:
        return _escaped(answer.nothing_found.explanation)
    said = "".join(
        _gap(sentence.gap) + _sentence(sentence, answer, notes, base_url)
        for sentence in answer.sentences
    )
    return said.strip()


def _sentence(
    sentence: SentenceShape, answer: AnswerShape, notes: dict[str, str], base_url: str
) -> str:
    marks = ""
    for citation in sentence.citations:
        notes.setdefault(citation.url, _note(citation, answer, base_url))
        marks += f"[^{list(notes).index(citation.url) + 1}]"
    sign = "" if sentence.support == "supported" else f" *({sentence.support})*"
    return _escaped(sentence.text) + marks + sign


def _note(citation: CitationShape, answer: AnswerShape, base_url: str) -> str:
    passage = answer.passages[citation.number - 1]
    place = [citation.knowledge_base] if citation.knowledge_base else []
    place += [citation.document_name, *passage.section_path]
    place += [f"page {passage.page}"] if passage.page is not None else []
    quote = " ".join(citation.quote.split())
    link = urljoin(base_url, citation.url)
    return f"\u201c{_escaped(quote)}\u201d {_line(', '.join(place))}. <{link}>"


def _gap(gap: str) -> str:
    return "\n\n" if "\n" in gap else gap


def _line(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    r"""`text` as Markdown shows it: `![x](http://…)` stays these characters, and calls nobody."""
    shown = _SPECIAL.sub(lambda m: "\\" + m[1] if m[1] else f"{m[2]}\\{m[3]}", text)
    return shown.replace("://", ":\u200b//")  # no bare address becomes a link by itself
