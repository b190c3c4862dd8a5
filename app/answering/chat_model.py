"""Chat models of any endpoint that litellm can speak to: messages → text as it is written."""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from pydantic import SecretStr

from app.answering.answer import Ending, Piece, Usage
from app.answering.prices import Prices
from app.answering.prompt import Message, visible
from app.answering.thinking import without_thinking
from app.embedding.refusal import Refusal, refusal_of
from app.errors import ProviderError, ProviderUnavailable
from app.telemetry import count_tokens, model_call

if TYPE_CHECKING:
    from litellm import CustomStreamWrapper

NO_KEY = "no-key"
"""What a server without keys is sent: the client refuses to speak without any."""

_REMEDIES = {
    401: "Check TIDEMARK_CHAT_API_KEY.",
    402: "Check the account at the provider.",
    403: "Check what TIDEMARK_CHAT_API_KEY may be used for.",
    404: "Check TIDEMARK_CHAT_MODEL, and that TIDEMARK_CHAT_API_BASE ends as the provider says, "
    "often in /v1. Ollama has to `ollama pull` a model first.",
    429: "Check the account's quota at the provider.",
}
_LONGEST_PAUSE = 10.0  # seconds
LONGEST_REPLY = 50_000
"""Characters of the longest reply, some 20 pages; a model that is not done then is stopped."""
LONGEST_THOUGHT = 1_000_000
"""Characters of a reply with all that a model thinks before it."""


def load_client() -> None:
    """Import what speaks to chat models: it takes seconds, and the first answer would wait."""
    # pytidb tells litellm, through the environment, not to fetch its table of prices: it has to
    # come first.
    import pytidb  # noqa: F401

    # isort: split
    import litellm

    litellm.suppress_debug_info = True  # it prints advertisements for its tracker otherwise
    litellm.disable_streaming_logging = True  # a task in a pool for each token, for nobody here


def warm_up_client() -> None:
    """Load the client, and what it loads only when it is asked: two seconds of a first question.

    It is asked for a reply that it makes up itself; nobody is called.
    """
    load_client()
    import litellm
    import openai.resources

    asked = [{"role": "user", "content": "ready?"}]
    said = litellm.completion("openai/none", asked, stream=True, mock_response="ready")
    for _ in cast("CustomStreamWrapper", said):
        pass
    # What the client loads when it is first used, by the names that it is used by.
    openai.resources.Chat  # noqa: B018


@dataclass(frozen=True)
class ChatModel:
    """A chat model behind litellm: `openai/<name>` for any OpenAI-compatible endpoint, or other."""

    model: str
    api_base: str | None = None
    api_key: SecretStr = field(default=SecretStr(NO_KEY), repr=False)
    timeout: float = 60.0
    """Seconds without a token before it is given up."""
    attempts: int = 3
    """How often it is asked before the first token; what has begun is never begun again."""
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)
    prices: Prices | None = None
    """What its tokens cost, where that is known."""

    def stream(self, messages: Sequence[Message]) -> abc.Generator[Piece, None, None]:
        """See `Generator.stream`."""
        for attempt in range(1, self.attempts + 1):
            begun, ending = False, Ending(self.model)
            try:
                with (
                    model_call("chat", self.model, local=False) as call,
                    closing(self._once(messages)) as pieces,
                ):
                    for piece in pieces:
                        begun = begun or isinstance(piece, str)
                        if isinstance(piece, Usage):
                            sent, wrote = piece.prompt_tokens, piece.completion_tokens
                            count_tokens(call, self.model, sent, wrote)
                        elif isinstance(piece, Ending):
                            ending = piece
                        yield piece
            except Refusal as refusal:
                again = refusal.may_pass and not refusal.timed_out and not begun
                if not again or attempt == self.attempts:
                    raise self._error(refusal, broke_off=begun) from refusal
                self.pause(min(refusal.pause or 0.5 * 2 ** (attempt - 1), _LONGEST_PAUSE))
            else:
                if not begun:
                    raise self._wordless(ending)
                return

    def _once(self, messages: Sequence[Message]) -> abc.Generator[Piece, None, None]:
        load_client()
        import litellm

        secret = self.api_key.get_secret_value()
        chunks: CustomStreamWrapper | None = None
        try:
            reply = litellm.completion(
                model=self.model,
                messages=[{"role": m.role, "content": m.content} for m in messages],
                api_base=self.api_base,
                api_key=None if secret == NO_KEY and self.api_base is None else secret,
                timeout=self.timeout,
                max_retries=0,
                num_retries=0,
                stream=True,
                stream_options={"include_usage": True},
            )
            chunks = cast("CustomStreamWrapper", reply)
            if hasattr(chunks.completion_stream, "close"):  # as of any endpoint like OpenAI's
                chunks.completion_stream = _Patient(chunks.completion_stream, self.timeout)
            yield from self._at_most(without_thinking(self._pieces(chunks)))
        except Exception as raised:  # litellm's exceptions share no base of their own
            raise refusal_of(raised, "" if secret == NO_KEY else secret, self.timeout) from raised
        finally:
            if chunks is not None:
                _hang_up(chunks)

    def _pieces(self, chunks: CustomStreamWrapper) -> Iterator[Piece]:
        finish, usage = None, None
        read, stream = 0, chunks.completion_stream
        for chunk in chunks:
            for choice in chunk.choices[:1]:
                text = choice.delta.content or ""
                said = text or getattr(choice.delta, "reasoning_content", None) or ""
                read += len(said)
                if said and isinstance(stream, _Patient):
                    stream.waited = 0.0
                if shown := visible(text):
                    yield shown
                finish = choice.finish_reason or finish
            usage = getattr(chunk, "usage", None) or usage
            if read > LONGEST_THOUGHT:
                finish = "length"
                break
        if usage is not None:
            spent = usage.prompt_tokens, usage.completion_tokens
            yield Usage(*spent, self.prices.of(*spent) if self.prices else None)
        yield Ending(self.model, cut_off=finish == "length", filtered=finish == "content_filter")

    def _at_most(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """What a model that does not come to an end has written until `LONGEST_REPLY`."""
        left = LONGEST_REPLY
        for piece in pieces:
            if not isinstance(piece, str):
                yield piece
                continue
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                yield Ending(self.model, cut_off=True)
                return

    @property
    def _who(self) -> str:
        return f"{self.model} at {self.api_base}" if self.api_base else self.model

    def _wordless(self, ending: Ending) -> ProviderError:
        if ending.filtered:
            return ProviderError(
                f"{self._who} gave no answer: its provider's content filter kept it back.",
                remedy="Ask in other words.",
            )
        if ending.cut_off:
            return ProviderError(
                f"{self._who} reached its limit of tokens before its first word.",
                remedy="Let it write more, or choose a model that thinks less before it answers.",
            )
        return ProviderError(
            f"{self._who} answered with no text at all.",
            remedy="Try again; if it stays so, check TIDEMARK_CHAT_MODEL and "
            "TIDEMARK_CHAT_API_BASE: `tidemark doctor` tries them.",
        )

    def _error(self, refusal: Refusal, *, broke_off: bool) -> ProviderError:
        status = f" (HTTP {refusal.status})" if refusal.status else ""
        words = f"{refusal.words.rstrip('.')}{status}."
        if broke_off:
            return ProviderUnavailable(f"{self._who} broke off in mid-answer: {words}")
        if refusal.may_pass:
            return ProviderUnavailable(f"{self._who} cannot answer now: {words}")
        remedy = _REMEDIES.get(refusal.status or 0)
        return ProviderError(f"{self._who} refused to answer: {words}", remedy=remedy)


@dataclass
class _Patient:
    """An endpoint's stream, given up where it goes on without a word for `timeout` seconds.

    litellm passes over what says nothing, such as signs that the connection lives, and would do so
    for ever.
    """

    stream: Iterator[object]
    timeout: float
    waited: float = 0.0
    """Seconds since it said something, which whoever reads it knows."""

    def __iter__(self) -> Iterator[object]:
        return self

    def __next__(self) -> object:
        began = time.monotonic()
        chunk = next(self.stream)
        self.waited += time.monotonic() - began
        if self.waited > self.timeout:
            raise Refusal(f"no word within {self.timeout:g} s", timed_out=True)
        return chunk

    def close(self) -> None:
        close: Callable[[], None] = self.stream.close  # type: ignore[attr-defined]
        close()


def _hang_up(chunks: CustomStreamWrapper) -> None:
    # litellm's wrapper can only be closed by an event loop (`aclose`); the stream inside can be
    # closed here, and a server stops writing when its reader is gone.
    close = getattr(getattr(chunks, "completion_stream", None), "close", None)
    if close is not None:
        close()
