"""`ask`: a question, and an answer whose sentences lead to what they rest on."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import results, say, shown, write_json
from app.cli.opening import open_everything
from app.cli.searching import (
    DocumentNames,
    KnowledgeBaseNames,
    documents_in,
    place,
    searched,
)

if TYPE_CHECKING:
    from app.answering.answer import Answer, AnswerSentence, Approach, Citation, Usage
    from app.answering.answer_events import AnswerEvent

UNSUPPORTED = "[?]"
"""Stands after a sentence that nothing in the documents bears out."""
PARTLY = "[~]"
"""Stands after a sentence of which the documents bear out a part."""


def add_commands(program: typer.Typer) -> None:
    program.command()(ask)


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    *,
    top_k: Annotated[
        int, typer.Option("--top-k", "-n", help="How many passages are read at most, up to 200.")
    ] = 8,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Look for each part of the question by itself.")
    ] = False,
    document: DocumentNames = None,
    only: Annotated[
        str,
        typer.Option("--only", help="Only from what meets this, as in a search: type:pdf -neap."),
    ] = "",
    knowledge_base: KnowledgeBaseNames = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Ask all knowledge bases at once.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as the API's JSON.")
    ] = False,
) -> None:
    """Answer a question from the documents, citing the words each sentence rests on.

    With a chat model set, the answer is written, sentence by sentence; without one, it is made of
    the documents' own sentences. What the documents don't say, it says it doesn't know.
    """
    from app.answering.answer_events import whole_answer
    from app.retrieval.query import Query, checked
    from app.retrieval.query_syntax import narrowed

    checked(narrowed(Query(question), only), top_k)  # before anything is started
    with open_everything() as services:
        bases = searched(services, knowledge_base, everywhere=everywhere)
        way: Approach = "thorough" if thorough else "quick"
        query = narrowed(Query(question, documents_in(services, bases, document)), only)
        answerer = services.answerer(bases[0], top_k, way, bases[1:])
        with closing(answerer.answer(query)) as events:
            answer = whole_answer(events if as_json else _told(events))
    if as_json:
        from app.web.api.answer import AnswerShape

        write_json(AnswerShape.of(answer).model_dump(mode="json"))
    else:
        _conclude(answer)


def _told(events: Generator[AnswerEvent, None, None]) -> Generator[AnswerEvent, None, None]:
    """The same events; each sentence is written once it is checked, with what it rests on."""
    from app.answering.answer_events import SentenceDone

    for event in events:
        if isinstance(event, SentenceDone):
            _write(event.sentence)
        yield event


def _write(sentence: AnswerSentence) -> None:
    from app.web.plain import running

    # As the page shows it: a document's own lines were wrapped for another width.
    said = sentence.gap + (running(sentence.marked) if sentence.verbatim else sentence.marked)
    if sentence.support != "supported" and sentence.text.strip():
        said += f" {UNSUPPORTED if sentence.support == 'unsupported' else PARTLY}"
    sys.stdout.write(shown(said))
    sys.stdout.flush()


def _conclude(answer: Answer) -> None:
    """What follows the sentences: the quotes they rest on, and what kind of answer it is."""
    for problem in answer.problems:
        say(shown(problem))
    if answer.kind == "nothing found":
        results().print(shown(answer.text))
        return
    results().print("\n")
    quotes = {(c.number, c.quote.start, c.quote.end): c for c in answer.citations}
    for citation in sorted(quotes.values(), key=lambda c: (c.number, c.quote.start)):
        _show(citation)
    if answer.kind == "extracts":
        say("These are extracts, word for word: no chat model is set to write an answer.")
    _disagree(answer)
    _ended(answer)
    if answer.judgement is not None and answer.judgement.words:
        say(answer.judgement.words)
    if answer.usage is not None:
        say(_spent(answer.usage))
    for sentence in answer.sentences:
        if sentence.support != "supported":
            sign = UNSUPPORTED if sentence.support == "unsupported" else PARTLY
            say(f"{sign} {shown(' '.join(sentence.text.split()))}")
            say(f"    {shown('; '.join(sentence.reasons))}.")
    if answer.unsupported:
        say(f"{UNSUPPORTED} marks what nothing in the documents bears out: don't rely on it.")


def _ended(answer: Answer) -> None:
    if answer.cut_off:
        say("The model reached its limit of tokens: the answer breaks off.")
    if answer.filtered:
        say("The provider's content filter ended the answer.")


def _disagree(answer: Answer) -> None:
    for differ in answer.disagreements:
        say(f"The documents disagree: {shown(differ.about)}.")
        for side in (differ.one, differ.other):
            quote = shown(" ".join(side.quote.text.split()))
            date = f"{side.passage.revision_created_at:%Y-%m-%d}"
            say(f"    [{side.number}] {shown(side.passage.document_name)}, {date}: “{quote}”")


def _spent(usage: Usage) -> str:
    told = f"{usage.prompt_tokens:,} tokens read and {usage.completion_tokens:,} written"
    return f"{told}." if usage.cost is None else f"{told}, for ${usage.cost:.4f}."


def _show(citation: Citation) -> None:
    from rich.text import Text

    results().print(Text(f"[{citation.number}] {place(citation.passage)}", style="bold"))
    quote = " ".join(citation.quote.text.split())
    results().print(Text(f"    “{shown(quote)}”"))
