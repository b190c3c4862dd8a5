"""The whole room: a question comes in, events come out, and the last one holds the answer."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import pytest

from app.answering.answer import Answer, Piece, Usage
from app.answering.answer_events import (
    Answered,
    AnswerEvent,
    Failed,
    Reading,
    Retrieved,
    SentenceDone,
    Token,
    whole_answer,
)
from app.answering.answerer import Answerer
from app.answering.generator import Generator as ChatModel
from app.answering.prompt import Message
from app.errors import KnowledgeBaseNotFound, ProviderUnavailable
from app.retrieval.passage import Passage, Retrieval
from app.retrieval.query import Query
from app.web.api.answer import SentenceShape
from tests.fake_chat import BagOfWords, FakeGenerator, passage

ASKED = Query("When does the tide turn?")
PASSAGES = (passage("The tide turns at noon. Ships sail at dusk."), passage("Bake the bread.", 2))
REPLY = "The tide turns at noon. [1] After that, ships sail at dusk [1]. Nobody knows why. [9]"


def answerer(
    generator: ChatModel | None = None, passages: tuple[Passage, ...] = PASSAGES
) -> Answerer:
    return Answerer.of(lambda query: Retrieval(query, passages), generator, BagOfWords())


def events(
    generator: FakeGenerator | None = None, passages: tuple[Passage, ...] = PASSAGES
) -> list[AnswerEvent]:
    return list(answerer(generator, passages).answer(ASKED))


def answer(generator: FakeGenerator | None = None, query: Query = ASKED) -> Answer:
    return whole_answer(answerer(generator).answer(query))


def test_an_answer_tells_its_prompt_and_that_it_was_cut_off() -> None:
    generator = FakeGenerator(REPLY, cut_off=True)
    written = answer(generator)
    assert written.cut_off
    assert written.prompt is not None
    assert written.prompt.messages == generator.told[0]
    assert written.prompt.tokens > 100
    assert answer(None).prompt is None


def test_a_written_answer_leads_from_each_sentence_to_its_quote() -> None:
    written = answer(FakeGenerator(REPLY))
    assert written.kind == "written"
    assert [s.text for s in written.sentences] == [
        "The tide turns at noon.",
        "After that, ships sail at dusk.",
        "Nobody knows why.",
    ]
    assert [c.quote.text for c in written.citations] == [
        "The tide turns at noon.",
        "Ships sail at dusk.",
    ]
    assert [s.support for s in written.sentences] == ["supported", "supported", "unsupported"]
    assert written.sentences[2].missing == (9,)
    assert written.unsupported == 1
    assert written.model == "fake/chat"
    assert written.usage == Usage(100, len(REPLY))
    assert written.passages == PASSAGES
    assert written.milliseconds > 0


def test_events_come_in_order_and_sentences_take_the_place_of_their_tokens() -> None:
    first, second, *writing, last = events(FakeGenerator(REPLY))
    assert isinstance(first, Retrieved)
    assert isinstance(second, Reading)
    assert second.tokens > 0
    assert isinstance(last, Answered)
    waiting = ""
    for event in writing:
        if isinstance(event, Token):
            waiting += event.text
        elif isinstance(event, SentenceDone):
            place = event.sentence.gap + event.sentence.text
            assert waiting.startswith(place)
            waiting = waiting[len(place) :]
    assert waiting == ""
    assert not any("[" in event.text for event in writing if isinstance(event, Token))


@dataclass
class WritesUntil:
    """A chat model that writes one sentence, and then another until `enough` or a minute passed."""

    enough: threading.Event = field(default_factory=threading.Event)
    ended: bool = False
    model: str = "fake/endless"
    told: list[Sequence[Message]] = field(default_factory=list)

    def stream(self, messages: Sequence[Message]) -> Generator[Piece, None, None]:
        self.told.append(messages)
        yield "The tide turns at noon. [1] And then it goes on "
        for _ in range(600):
            yield "and on "
            if self.enough.wait(0.1):
                break
        self.ended = True
        yield "to its end. [1]"


def test_a_sentence_is_done_before_the_model_has_finished() -> None:
    model = WritesUntil()
    told = answerer(model).answer(ASKED)
    assert any(isinstance(event, SentenceDone) for event in told)
    assert not model.ended
    model.enough.set()
    whole = whole_answer(told)
    assert [sentence.text[-5:] for sentence in whole.sentences] == ["noon.", " end."]


class SlowToEmbed(BagOfWords):
    """An embedder that takes until `ready`, or a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = threading.Event()

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.ready.wait(60)
        return super().embed_documents(texts)


def test_no_word_waits_for_a_sentence_to_be_checked() -> None:
    embedder = SlowToEmbed()
    found = Retrieval(ASKED, PASSAGES)
    reply = "High water comes at twelve. [1] After that, ships sail at dusk [1]."
    slow = Answerer.of(lambda _: found, FakeGenerator(reply, 4), embedder)
    said = list[AnswerEvent]()
    for event in slow.answer(ASKED):
        said.append(event)
        if "".join(e.text for e in said if isinstance(e, Token)).endswith("dusk."):
            embedder.ready.set()
    kinds = [type(event) for event in said]
    assert kinds.index(SentenceDone) > len(kinds) - 1 - kinds[::-1].index(Token)
    assert kinds.count(SentenceDone) == 2


def test_a_model_that_is_stopped_writes_no_more_and_its_whole_sentences_are_told() -> None:
    generator = FakeGenerator(REPLY, 4)
    words = list[str]()

    def enough() -> bool:
        return "After that, ships sail" in "".join(words)

    told = list[AnswerEvent]()
    for event in answerer(generator).answer(ASKED, enough):
        told.append(event)
        words += [event.text] if isinstance(event, Token) else []
    assert generator.closed
    assert "Nobody" not in "".join(words)
    assert [e.sentence.text for e in told if isinstance(e, SentenceDone)] == [
        "The tide turns at noon."
    ]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_the_size_of_the_models_pieces_makes_no_difference(size: int) -> None:
    assert answer(FakeGenerator(REPLY, size)).sentences == answer(FakeGenerator(REPLY)).sentences


@pytest.mark.parametrize(
    "reply", ["NOT_IN_PASSAGES", " **NOT_IN_PASSAGES**\n", "NOT_IN_PASSAGES: nothing about it."]
)
def test_a_model_that_finds_no_answer_makes_a_refusal_of_which_no_token_is_shown(
    reply: str,
) -> None:
    shown = events(FakeGenerator(reply, size=3))
    assert not any(isinstance(event, Token) for event in shown)
    refusal = whole_answer(iter(shown))
    assert refusal.kind == "nothing found"
    assert refusal.nothing_found is not None
    assert refusal.nothing_found.nearest[0] == PASSAGES[0]
    assert refusal.sentences == ()
    assert "Looked for: tide, turn" in refusal.text


def test_an_answer_that_only_begins_like_a_refusal_is_shown() -> None:
    assert answer(FakeGenerator("NOT at dusk. [1]")).text == "NOT at dusk. [1]"


def test_a_model_that_breaks_off_ends_in_a_failure_and_its_sentences_stand() -> None:
    broken = FakeGenerator(REPLY, error=ProviderUnavailable("It broke off."), error_at=60)
    shown = events(broken)
    assert isinstance(shown[-1], Failed)
    assert any(isinstance(event, SentenceDone) for event in shown)
    with pytest.raises(ProviderUnavailable, match="broke off"):
        whole_answer(iter(shown))


def test_a_reader_who_leaves_stops_the_model() -> None:
    generator = FakeGenerator(REPLY)
    answering = answerer(generator).answer(ASKED)
    for event in answering:
        if isinstance(event, Token):
            break
    answering.close()
    assert generator.closed


def test_without_a_chat_model_the_answer_is_extracts() -> None:
    extracts = answer()
    assert extracts.kind == "extracts"
    assert extracts.sentences[0].text == "The tide turns at noon."
    assert extracts.text.startswith("The tide turns at noon. [1]")
    assert extracts.model is None
    assert extracts.unsupported == 0


def test_an_extract_is_exact_and_shown_without_the_line_ends_of_its_document() -> None:
    text = "The tide *turns*\nat noon, said the\nkeeper. Ships sail."
    (extract,) = whole_answer(iter(events(None, (passage(text, start=100),)))).sentences
    assert extract.text == extract.citations[0].quote.text == text[:42]
    shape = SentenceShape.of(extract)
    assert (shape.text, shape.citations[0].start, shape.citations[0].end) == (text[:42], 100, 142)
    assert shape.shown == "The tide turns at noon, said the keeper."


def test_without_a_chat_model_a_question_about_something_else_is_refused() -> None:
    refusal = answer(query=Query("Who painted the Mona Lisa?"))
    assert refusal.kind == "nothing found"
    assert "Mona" in refusal.text


def test_without_passages_no_model_is_asked() -> None:
    generator = FakeGenerator(REPLY)
    refusal = whole_answer(iter(events(generator, passages=())))
    assert refusal.kind == "nothing found"
    assert generator.told == []


def test_a_failed_retrieval_is_raised_before_anything_is_sent() -> None:
    def failing(query: Query) -> Retrieval:
        raise KnowledgeBaseNotFound("No knowledge base named tides.")

    answering = Answerer.of(failing, None, BagOfWords()).answer(ASKED)
    with pytest.raises(KnowledgeBaseNotFound):
        next(answering)


def test_links_and_html_in_a_models_text_stay_plain_text() -> None:
    reply = 'See ![x](http://evil.example/a.png) and <img src="http://evil.example">. [1]'
    assert answer(FakeGenerator(reply)).sentences[0].text == reply.removesuffix(" [1]")
