"""The shapes of an answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.answering.answer import (
    Answer,
    AnswerSentence,
    Check,
    Citation,
    Kind,
    NothingFound,
    Side,
    Support,
    Verdict,
)
from app.answering.prompt import Prompt
from app.web.addresses import quote_address
from app.web.api.passage import PassageShape
from app.web.api.shape import Shape
from app.web.plain import as_read


class CitationShape(Shape):
    """What ties a place in a sentence to the quote that it rests on."""

    number: int = Field(examples=[1])
    """The passage's place in the answer's `passages`, counted from 1."""
    at: int = Field(examples=[22])
    """After how many characters of the sentence its `[1]` belongs."""
    document_id: int = Field(examples=[12])
    document_name: str = Field(examples=["guides/harbour.pdf"])
    revision_id: int = Field(examples=[14])
    start: int = Field(examples=[18200])
    end: int = Field(examples=[18223])
    quote: str = Field(examples=["The tide turns at noon."])
    """The revision's characters `[start, end)`."""
    shown: str = Field("", examples=["The tide turns at noon."])
    """The same for a person: in one line, without the marks of Markdown."""
    url: str = Field(examples=["/documents/12?revision=14&start=18200&end=18223#passage"])
    knowledge_base: str | None = Field(default=None, examples=["handbook"])
    """The document's knowledge base, where several were asked."""
    moved: bool = False
    """Whether the model cited something else or nothing, and this was found to say it."""

    @classmethod
    def of(cls, citation: Citation) -> CitationShape:
        quote = citation.quote
        return cls(
            number=citation.number,
            at=citation.at,
            document_id=quote.document_id,
            document_name=citation.passage.document_name,
            revision_id=quote.revision_id,
            start=quote.start,
            end=quote.end,
            quote=quote.text,
            shown=as_read(quote.text),
            url=quote_address(quote),
            knowledge_base=citation.passage.knowledge_base or None,
            moved=citation.moved,
        )


class CheckShape(Shape):
    """One thing that a sentence says, and whether its quotes say it."""

    kind: Literal["number", "date", "name", "negation", "meaning"]
    text: str = Field(examples=["98 million"])
    """As the sentence has it."""
    verdict: Verdict
    """`found` in the quote; `derived` from it; `missing`; `contradicted` by it."""
    note: str = Field(examples=["rounded from 97,915,000"])
    """How it was derived, or what contradicts it."""

    @classmethod
    def of(cls, check: Check) -> CheckShape:
        return cls(kind=check.kind, text=check.text, verdict=check.verdict, note=check.note)


class CountsShape(Shape):
    """How many sentences have each mark."""

    supported: int = Field(examples=[3])
    partly: int = Field(examples=[1])
    unsupported: int = Field(examples=[0])


class SentenceShape(Shape):
    """One sentence, and what it rests on. Its text is plain: show it as it is written."""

    text: str = Field(examples=["The tide turns at noon."])
    shown: str = Field("", examples=["The tide turns at noon."])
    """The same for a person: a document's own words in one line, without the marks of Markdown."""
    gap: str = Field(examples=[" "])
    """The white space before it."""
    support: Support
    """Whether its quotes bear out all of it, a part, or nothing, or say otherwise."""
    verbatim: bool
    """Whether it is the documents' own words."""
    citations: tuple[CitationShape, ...]
    missing: tuple[int, ...]
    """Numbers that the model cited and that no passage has."""
    dropped: tuple[int, ...]
    """Numbers that the model cited and whose passages don't say it, where others do."""
    checks: tuple[CheckShape, ...]
    reasons: tuple[str, ...]
    """Why it has its mark, in words."""

    @classmethod
    def of(cls, sentence: AnswerSentence) -> SentenceShape:
        return cls(
            text=sentence.text,
            shown=as_read(sentence.text) if sentence.verbatim else sentence.text,
            gap=sentence.gap,
            support=sentence.support,
            citations=tuple(CitationShape.of(citation) for citation in sentence.citations),
            missing=sentence.missing,
            verbatim=sentence.verbatim,
            dropped=sentence.dropped,
            checks=tuple(CheckShape.of(check) for check in sentence.checks),
            reasons=sentence.reasons,
        )


class SideShape(Shape):
    """What one of two documents says."""

    number: int = Field(examples=[2])
    """The passage's place in the answer's `passages`, counted from 1."""
    document_name: str = Field(examples=["guides/harbour.pdf"])
    date: datetime
    """When the revision came in."""
    quote: str = Field(examples=["The bar has a depth of 6.2 metres."])
    shown: str = Field("", examples=["The bar has a depth of 6.2 metres."])
    """The same for a person, as of a citation."""
    url: str = Field(examples=["/documents/12?revision=14&start=18200&end=18223#passage"])
    knowledge_base: str | None = Field(default=None, examples=["handbook"])
    """The document's knowledge base, where several were asked."""

    @classmethod
    def of(cls, side: Side) -> SideShape:
        return cls(
            number=side.number,
            document_name=side.passage.document_name,
            date=side.passage.revision_created_at,
            quote=side.quote.text,
            shown=as_read(side.quote.text),
            url=quote_address(side.quote),
            knowledge_base=side.passage.knowledge_base or None,
        )


class DisagreementShape(Shape):
    """Two passages that say different things of the same."""

    about: str = Field(examples=["6.2 metres against 5.8 metres"])
    one: SideShape
    other: SideShape


class NothingFoundShape(Shape):
    """Why there is no answer."""

    explanation: str
    looked_for: tuple[str, ...]
    found_nowhere: tuple[str, ...]
    to_add: str = ""
    """What would have to be added for an answer, in words."""

    @classmethod
    def of(cls, nothing: NothingFound) -> NothingFoundShape:
        return cls(
            explanation=nothing.explanation,
            looked_for=nothing.looked_for,
            found_nowhere=nothing.found_nowhere,
            to_add=nothing.to_add,
        )


class UsageShape(Shape):
    """Tokens of the chat model, as its provider counted them."""

    prompt_tokens: int = Field(examples=[1830])
    completion_tokens: int = Field(examples=[95])
    cost: float | None = Field(default=None, examples=[0.00033])
    """In US dollars; null where the prices are not known."""


class MessageShape(Shape):
    """One message of a prompt."""

    role: str = Field(examples=["system"])
    content: str


class PromptShape(Shape):
    """What the chat model was sent, to the letter."""

    messages: tuple[MessageShape, ...]
    tokens: int = Field(examples=[1830])
    """Its estimated length; `usage` has what the provider counted."""
    budget: int = Field(examples=[6000])
    """What the passages might take of it."""
    left_out: int = Field(examples=[0])
    """How many passages found no room."""

    @classmethod
    def of(cls, prompt: Prompt) -> PromptShape:
        return cls(
            messages=tuple(MessageShape(role=m.role, content=m.content) for m in prompt.messages),
            tokens=prompt.tokens,
            budget=prompt.budget,
            left_out=prompt.left_out,
        )


class AnswerShape(Shape):
    """An answer whose sentences lead to what they rest on."""

    question: str = Field(examples=["When does the tide turn?"])
    kind: Kind
    """`written` by a chat model, `extracts` of the documents, word for word, or `nothing found`."""
    text: str = Field(examples=["The tide turns at noon. [1]"])
    """The whole of it as plain text, with its citations as `[n]`."""
    sentences: tuple[SentenceShape, ...]
    counts: CountsShape
    passages: tuple[PassageShape, ...]
    """Those that were read: `[n]` is the n-th of them, counted from 1."""
    milliseconds: float = Field(examples=[1840.5])
    model: str | None = Field(examples=["openai/gpt-5-mini"])
    usage: UsageShape | None
    nothing_found: NothingFoundShape | None
    cut_off: bool = False
    """Whether the model reached its limit of tokens before its end."""
    filtered: bool = False
    """Whether the provider's content filter kept the rest back."""
    prompt: PromptShape | None = None
    """Null where no model was asked."""
    disagreements: tuple[DisagreementShape, ...] = ()
    """Where a passage that is cited and another that was read contradict each other."""
    judgement: str = ""
    """What became of asking the chat model to judge the marks; empty where it was not asked."""
    knowledge_bases: tuple[str, ...] = Field(default=(), examples=[["handbook", "contracts"]])
    """Those that were asked, where they were several."""
    problems: tuple[str, ...] = ()
    """Those of them that could not be searched as they should, and why."""

    @classmethod
    def of(cls, answer: Answer) -> AnswerShape:
        usage, nothing = answer.usage, answer.nothing_found
        return cls(
            question=answer.question,
            kind=answer.kind,
            text=answer.text,
            sentences=tuple(SentenceShape.of(sentence) for sentence in answer.sentences),
            counts=CountsShape(**answer.counts),
            passages=tuple(PassageShape.of(p, answer.question) for p in answer.passages),
            milliseconds=round(answer.milliseconds, 2),
            model=answer.model,
            usage=usage
            and UsageShape(
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                cost=usage.cost,
            ),
            nothing_found=nothing and NothingFoundShape.of(nothing),
            cut_off=answer.cut_off,
            filtered=answer.filtered,
            knowledge_bases=answer.knowledge_bases,
            problems=answer.problems,
            judgement=answer.judgement.words if answer.judgement else "",
            prompt=answer.prompt and PromptShape.of(answer.prompt),
            disagreements=tuple(
                DisagreementShape(
                    about=each.about, one=SideShape.of(each.one), other=SideShape.of(each.other)
                )
                for each in answer.disagreements
            ),
        )
