"""What an answer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.answering.prompt import Prompt
from app.retrieval.passage import Passage

Approach = Literal["quick", "thorough"]
"""`quick` searches once; `thorough` looks for each part of a question by itself."""

Kind = Literal["written", "extracts", "nothing found"]
"""`written` by a chat model; `extracts` are sentences of the documents, word for word."""

Support = Literal["supported", "partly", "unsupported"]
"""How far a sentence is borne out by what it cites: wholly; in part; not, or the contrary is."""

Verdict = Literal["found", "derived", "missing", "contradicted"]
"""Of a number, date or name: in the quote; following from it; not there; something else is."""


@dataclass(frozen=True)
class Check:
    """One thing that a sentence says and that was looked for in its quotes.

    `text` is as the sentence has it. `note` says how it was derived, or what contradicts it. The
    `meaning` of a whole sentence is one where a chat model judges it.
    """

    kind: Literal["number", "date", "name", "negation", "meaning"]
    text: str
    verdict: Verdict
    note: str = ""

    @property
    def words(self) -> str:
        """The check as a person reads it."""
        if self.kind == "meaning":
            return self.note
        if self.note:
            return f"\u201c{self.text}\u201d: {self.note}"
        return f"\u201c{self.text}\u201d is {'' if self.verdict == 'found' else 'not '}in the quote"


@dataclass(frozen=True)
class Quote:
    """A stretch of a revision's text: `text` is `revision.text[start:end]`, in characters."""

    document_id: int
    revision_id: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Citation:
    """What ties a place in a sentence to the quote that it rests on.

    `number` is the passage's place in `Answer.passages`, counted from 1: the `[n]` a reader sees.
    `at` is the offset into the sentence's text, in characters, after which that `[n]` belongs.
    `moved` tells that the model did not cite this passage: it was found to bear the sentence out.
    """

    number: int
    passage: Passage
    quote: Quote
    at: int
    moved: bool = False


@dataclass(frozen=True)
class AnswerSentence:
    """One sentence of an answer, as plain text without citation marks, and what it rests on.

    The text is data: Markdown, links and HTML in it are to be shown as they are written. `gap` is
    the white space between the previous sentence and this one, so that `gap + text` of all
    sentences is the answer. `missing` are the numbers that the model cited and that no passage has,
    `dropped` those of passages that don't bear the sentence out where others do. `verbatim` tells
    that the sentence is the documents' own.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    gap: str = ""
    missing: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    verbatim: bool = False
    support: Support = "unsupported"
    checks: tuple[Check, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the sentence has its mark, in words; nothing where all of it is in the quotes."""
        said = [check.words for check in self.checks if check.verdict != "found"]
        moved = [citation.number for citation in self.citations if citation.moved]
        if moved and self.dropped:
            before = ", ".join(f"[{number}]" for number in self.dropped)
            said.append(f"the model cited {before}; it is [{moved[0]}] that says it")
        elif moved:
            said.append(f"the model cited nothing; [{moved[0]}] says it")
        if self.missing:
            numbers = ", ".join(f"[{number}]" for number in self.missing)
            said.append(f"there is no passage {numbers}")
        if self.support != "supported" and not said:
            said.append("the quote says something else" if self.citations else "no passage says it")
        return tuple(said)

    @property
    def marked(self) -> str:
        """The text with its citations as `[n]`, each at its place."""
        marked, done = "", 0
        for citation in self.citations:
            lead = self.text[done : citation.at]
            marked += f"{lead}{' ' if lead and not lead[-1].isspace() else ''}[{citation.number}]"
            done = citation.at
        return marked + self.text[done:]


@dataclass(frozen=True)
class Side:
    """What one of two documents says; `number` is its passage's place in `Answer.passages`."""

    number: int
    passage: Passage
    quote: Quote


@dataclass(frozen=True)
class Disagreement:
    """Two passages that say different things of the same; `about` says in what, in words."""

    one: Side
    other: Side
    about: str


@dataclass(frozen=True)
class NothingFound:
    """Why there is no answer: the words looked for, those found nowhere, the nearest passages."""

    looked_for: tuple[str, ...]
    found_nowhere: tuple[str, ...]
    nearest: tuple[Passage, ...]
    narrowed: bool = False
    """Whether only a part of the documents was to be read."""

    @property
    def explanation(self) -> str:
        """The refusal in words."""
        if not self.nearest and self.narrowed:
            return "No passage meets all that the question was narrowed to. Take a condition away."
        if not self.nearest:
            return "There is nothing to search: no document is ready to be read here."
        said = "Nothing in the documents answers this."
        if self.looked_for:
            said += f" Looked for: {', '.join(self.looked_for)}."
        if self.found_nowhere and self.found_nowhere != self.looked_for:
            said += f" Found nowhere near: {', '.join(self.found_nowhere)}."
        said += f" The nearest passage is in {self.nearest[0].document_name}."
        return f"{said} {self.to_add}" if self.to_add else said

    @property
    def to_add(self) -> str:
        """What would have to be added for an answer, in words."""
        if self.found_nowhere:
            return f"A document that tells of {_listed(self.found_nowhere)} would have to be added."
        if self.looked_for:
            return (
                f"There are documents that have these words, and none that brings "
                f"{_listed(self.looked_for)} together as the question does: "
                "one that does would have to be added."
            )
        return ""


@dataclass(frozen=True)
class Usage:
    """Tokens of calls of a chat model, as its provider counted them.

    `cost` is in US dollars; None where nobody knows the prices.
    """

    prompt_tokens: int
    completion_tokens: int
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        """Of both calls; the cost is known if both are."""
        known = self.cost is not None and other.cost is not None
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            (self.cost or 0.0) + (other.cost or 0.0) if known else None,
        )


@dataclass(frozen=True)
class Ending:
    """How a chat model's reply ended.

    `model` wrote it, which may be another than was asked first; `cut_off` tells that it reached its
    limit of tokens in mid-sentence, `filtered` that its provider's content filter ended it.
    """

    model: str
    cut_off: bool = False
    filtered: bool = False


Piece = str | Usage | Ending
"""What a chat model's stream brings: text, and at its end what there is to know of it."""


@dataclass(frozen=True)
class Judgement:
    """What became of asking the chat model `model` to judge the sentences of an answer.

    `judged` is how many it gave an opinion on; `failure` is why it gave none, in words.
    """

    model: str
    judged: int = 0
    failure: str = ""
    usage: Usage | None = None

    @property
    def words(self) -> str:
        """The judgement as a person reads it; nothing where there was nothing to judge."""
        if self.failure:
            failure = self.failure.rstrip(".")
            return f"{self.model} gave no opinion on the marks, which stand as they are: {failure}."
        return f"{self.model} judged the marks too." if self.judged else ""


@dataclass(frozen=True)
class Answer:
    """An answer whose sentences lead to what they rest on.

    `passages` are those that were read, in the order of their numbers: passage `n` is
    `passages[n - 1]`. `nothing_found` is there when `kind` is "nothing found", and `sentences` is
    then empty. `model` is the chat model that was asked. `milliseconds` is all of it, retrieval
    included. `prompt` is what the model was sent; `cut_off` tells that it
    reached its limit of tokens before its end, `filtered` that its provider kept the rest back.
    """

    question: str
    kind: Kind
    sentences: tuple[AnswerSentence, ...]
    passages: tuple[Passage, ...]
    milliseconds: float
    model: str | None = None
    usage: Usage | None = None
    nothing_found: NothingFound | None = None
    prompt: Prompt | None = None
    cut_off: bool = False
    filtered: bool = False
    disagreements: tuple[Disagreement, ...] = ()
    judgement: Judgement | None = None
    """There where a chat model was to judge the sentences."""
    knowledge_bases: tuple[str, ...] = ()
    """Those that were asked, where they were several."""
    problems: tuple[str, ...] = ()
    """Those of them that could not be searched as they should, with the reason."""

    @property
    def text(self) -> str:
        """The answer as plain text, with its citations as `[n]`."""
        if self.nothing_found is not None:
            return self.nothing_found.explanation
        return "".join(sentence.gap + sentence.marked for sentence in self.sentences).strip()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation, in the order of the text."""
        return tuple(citation for sentence in self.sentences for citation in sentence.citations)

    @property
    def counts(self) -> dict[Support, int]:
        """How many sentences have each mark."""
        marks: tuple[Support, ...] = ("supported", "partly", "unsupported")
        return {mark: sum(s.support == mark for s in self.sentences) for mark in marks}

    @property
    def unsupported(self) -> int:
        """How many sentences rest on nothing."""
        return self.counts["unsupported"]


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
