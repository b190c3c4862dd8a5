"""Chat models: messages → text as it is written, from any endpoint that litellm can speak to."""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from pydantic import SecretStr

from app.answering.answer import Usage
from app.answering.prompt import Message
from app.answering.thinking import without_thinking
from app.config import Settings
from app.embedding.refusal import Refusal, refusal_of
from app.errors import ProviderError, ProviderUnavailable

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
_LONGEST_PAUSE = 10.0


class Generator(Protocol):
    """A chat model."""

    @property
    def model(self) -> str:
        """Its name as in `TIDEMARK_CHAT_MODEL`."""
        ...

    def stream(self, messages: Sequence[Message]) -> abc.Generator[str | Usage, None, None]:
        """The reply, piece by piece, and at its end the tokens used where the provider counts them.

        Closing it stops the model. It is to be read and closed by one thread at a time.

        Raises:
            ProviderError: the provider refused, or what it sent cannot be read.
            ProviderUnavailable: it is down, slow, over its limit, or broke off; it may pass later.
        """
        ...


def load_client() -> None:
    """Import what speaks to chat models: it takes seconds, and the first answer would wait."""
    # pytidb tells litellm, through the environment, not to fetch its table of prices: it has to
    # come first.
    import pytidb  # noqa: F401

    # isort: split
    import litellm

    litellm.suppress_debug_info = True  # it prints advertisements for its tracker otherwise


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

    def stream(self, messages: Sequence[Message]) -> abc.Generator[str | Usage, None, None]:
        """See `Generator.stream`."""
        for attempt in range(1, self.attempts + 1):
            begun = False
            try:
                with closing(self._once(messages)) as pieces:
                    for piece in pieces:
                        begun = begun or isinstance(piece, str)
                        yield piece
            except Refusal as refusal:
                again = refusal.may_pass and not refusal.timed_out and not begun
                if not again or attempt == self.attempts:
                    raise self._error(refusal, broke_off=begun) from refusal
                self.pause(min(refusal.pause or 0.5 * 2 ** (attempt - 1), _LONGEST_PAUSE))
            else:
                if not begun:
                    raise ProviderError(f"{self._who} answered with no text at all.")
                return

    def _once(self, messages: Sequence[Message]) -> abc.Generator[str | Usage, None, None]:
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
            yield from without_thinking(_pieces(chunks))
        except Exception as raised:  # litellm's exceptions share no base of their own
            raise refusal_of(raised, "" if secret == NO_KEY else secret, self.timeout) from raised
        finally:
            if chunks is not None:
                _hang_up(chunks)

    @property
    def _who(self) -> str:
        return f"{self.model} at {self.api_base}" if self.api_base else self.model

    def _error(self, refusal: Refusal, *, broke_off: bool) -> ProviderError:
        status = f" (HTTP {refusal.status})" if refusal.status else ""
        words = f"{refusal.words.rstrip('.')}{status}."
        if broke_off:
            return ProviderUnavailable(f"{self._who} broke off in mid-answer: {words}")
        if refusal.may_pass:
            return ProviderUnavailable(f"{self._who} cannot answer now: {words}")
        remedy = _REMEDIES.get(refusal.status or 0)
        return ProviderError(f"{self._who} refused to answer: {words}", remedy=remedy)


def make_generator(settings: Settings) -> ChatModel | None:
    """The chat model that `settings` name; without one, answers are extracts."""
    if settings.chat_model is None:
        return None
    return ChatModel(
        settings.chat_model,
        settings.chat_api_base,
        settings.chat_api_key or SecretStr(NO_KEY),
        settings.chat_timeout,
    )


def whole_reply(generator: Generator) -> Callable[[str, str], str]:
    """Asks the model with rules and a question, and gives all that it says."""

    def ask(rules: str, question: str) -> str:
        messages = (Message("system", rules), Message("user", question))
        return "".join(piece for piece in generator.stream(messages) if isinstance(piece, str))

    return ask


def _pieces(chunks: CustomStreamWrapper) -> Iterator[str | Usage]:
    for chunk in chunks:
        for choice in chunk.choices[:1]:
            if choice.delta.content:
                yield choice.delta.content
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            yield Usage(usage.prompt_tokens, usage.completion_tokens)


def _hang_up(chunks: CustomStreamWrapper) -> None:
    # litellm's wrapper can only be closed by an event loop (`aclose`); the stream inside can be
    # closed here, and a server stops writing when its reader is gone.
    close = getattr(getattr(chunks, "completion_stream", None), "close", None)
    if close is not None:
        close()
