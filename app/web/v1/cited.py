"""An answer as plain text that grows: its citations as `[n]`, and a list of sources at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

from app.answering.answer import Answer, AnswerSentence, Citation
from app.retrieval.passage import Passage
from app.web.addresses import quote_address


@dataclass(frozen=True)
class Annotation:
    """A citation's place: `[start, end)` is its `[n]` in the whole text, in characters."""

    start: int
    end: int
    title: str
    url: str


@dataclass(frozen=True)
class Stretch:
    """What is added to the text, with the annotations whose places are in it."""

    text: str
    annotations: tuple[Annotation, ...] = ()


@dataclass
class CitedText:
    """Writes the text of one answer; `base_url` is where its reader reaches Tidemark."""

    base_url: str
    length: int = 0
    _cited: dict[int, Citation] = field(default_factory=dict)

    def sentence(self, sentence: AnswerSentence) -> Stretch:
        """The sentence after what was written before."""
        gap = sentence.gap if self.length else ""
        begins, written = self.length + len(gap), sentence.marked
        annotations, place, done = [], 0, 0
        for citation in sentence.citations:  # as `AnswerSentence.marked` puts them
            lead = sentence.text[done : citation.at]
            place += len(lead) + bool(lead and not lead[-1].isspace())
            end = place + len(f"[{citation.number}]")
            annotations.append(self._annotation(citation, begins + place, begins + end))
            self._cited.setdefault(citation.number, citation)
            place, done = end, citation.at
        self.length = begins + len(written)
        return Stretch(gap + written, tuple(annotations))

    def end(self, answer: Answer) -> Stretch:
        """What follows the sentences: why there are none, or the sources of those there are."""
        if answer.nothing_found is not None:
            return Stretch(answer.text)
        return Stretch("".join(self._sources(answer)))

    def _sources(self, answer: Answer) -> Iterator[str]:
        partly = answer.counts["partly"]
        if answer.unsupported or partly:
            said = [f"{answer.unsupported} rest on no source"] if answer.unsupported else []
            said += [f"{partly} only partly do"] if partly else []
            yield f"\n\nOf {len(answer.sentences)} sentences, {', '.join(said)}."
        if self._cited:
            yield "\n\nSources:"
        for number, citation in sorted(self._cited.items()):
            yield f"\n[{number}] {_place(citation.passage)} {self._url(citation)}"

    def _annotation(self, citation: Citation, start: int, end: int) -> Annotation:
        passage = citation.passage
        return Annotation(start, end, passage.title or passage.document_name, self._url(citation))

    def _url(self, citation: Citation) -> str:
        return urljoin(self.base_url, quote_address(citation.quote))


def _place(passage: Passage) -> str:
    parts = [passage.document_name]
    if passage.page is not None:
        parts.append(f"page {passage.page}")
    if passage.section_path:
        parts.append(" > ".join(passage.section_path))
    return ", ".join(parts)
