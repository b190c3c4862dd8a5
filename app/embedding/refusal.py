"""What a provider said when it refused, read from what litellm raised."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from app.embedding.text import encodable

if TYPE_CHECKING:
    import httpx

UNREADABLE = "unreadable"
"""The code of an answer that says yes, and is no reply of an embedding endpoint."""

_WORDS_SHOWN = 300
_LAYERS = re.compile(r"\b(?:litellm\.)?\w*(?:Error|Exception)(?::| -) ")
"""What litellm puts before words, once for each of its layers."""
# 424 is how Text Embeddings Inference says that the model behind it failed.
_PASSING = {408, 409, 424, 425, 429}
_ABOUT_THE_INPUT = {400, 413, 422}


class Refusal(Exception):
    """One request that a provider did not fulfil; never leaves this room."""

    def __init__(
        self,
        words: str,
        *,
        status: int | None = None,
        code: str = "",
        pause: float | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        """The HTTP status; None where there was no answer at all."""
        self.code = code
        self.pause = pause
        """The seconds that the provider asks to be left alone for."""
        self.timed_out = timed_out

    @property
    def may_pass(self) -> bool:
        """Whether the same request may be fulfilled later, with nothing changed."""
        # OpenAI says 429 to an empty account as well, and no waiting fills it.
        if self.code in ("insufficient_quota", UNREADABLE):
            return False
        return (
            self.status is None
            or self.status in _PASSING
            or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        )

    @property
    def may_be_one_input(self) -> bool:
        """Whether one of the inputs may be to blame, so that the others would pass without it."""
        return self.status in _ABOUT_THE_INPUT


def refusal_of(raised: Exception, secret: str, timeout: float) -> Refusal:
    """What `raised` says, with `secret` struck out of its words.

    litellm's own exceptions have neither the reply's headers nor its body, and pass for the OpenAI
    client's, being its subclasses; the client's, which have both, are what they were raised from.
    """
    import openai

    for cause in _chain(raised):
        if isinstance(cause, Refusal):
            return cause
        if type(cause).__module__.startswith("litellm"):
            continue
        if isinstance(cause, openai.APIStatusError):
            words, code = _words_of(_body(cause.response))
            return Refusal(
                _shown(words, secret) or HTTPStatus(cause.status_code).phrase,
                status=cause.status_code,
                code=code,
                pause=_pause(cause.response.headers),
            )
        if broken := _broken(cause, secret, timeout):
            return broken
    said = _LAYERS.sub("", str(list(_chain(raised))[-1]))
    return Refusal(_shown(f"its reply cannot be read ({said})", secret), code=UNREADABLE)


def _broken(cause: BaseException, secret: str, timeout: float) -> Refusal | None:
    """What a cause says of the connection or of the stream; None if it says nothing of these."""
    import httpx
    import openai

    if isinstance(cause, openai.APITimeoutError):
        return Refusal(f"no answer within {timeout:g} s", timed_out=True)
    if isinstance(cause, openai.APIConnectionError):
        return Refusal(f"no connection ({_shown(str(cause.__cause__ or cause), secret)})")
    if isinstance(cause, httpx.TimeoutException):
        return Refusal(f"no word within {timeout:g} s", timed_out=True)
    if isinstance(cause, httpx.TransportError):
        return Refusal(f"the connection broke ({_shown(str(cause), secret)})")
    if isinstance(cause, openai.APIError):
        words, code = _words_of(cause.body)
        return Refusal(_shown(words if cause.body else cause.message, secret), code=code)
    return None


def _chain(raised: BaseException | None) -> Iterator[BaseException]:
    while raised is not None:
        yield raised
        raised = raised.__cause__ or raised.__context__


def _body(response: httpx.Response) -> object:
    # The client's own `body` is what stands under "error", and some put a bare number there.
    try:
        return response.json()
    except ValueError:
        return response.text


def _words_of(body: object) -> tuple[str, str]:
    """The message and code of an error body, in any of the shapes that providers use.

    `{"error": {"message", "code"}}`, `{"error": "…"}`, `{"message": …}`, `{"detail": …}` or plain
    text.
    """
    if not isinstance(body, Mapping):
        return str(body), ""
    inner = body.get("error")
    if isinstance(inner, Mapping):
        return _words_of(inner)
    for key in ("message", "detail", "error"):
        if body.get(key) and not isinstance(body[key], int):
            return str(body[key]), str(body.get("code") or "")
    return str(dict(body)), ""


def _shown(words: str, secret: str) -> str:
    if secret:
        words = words.replace(secret, "…")
    words = " ".join(encodable(words).split())
    return words if len(words) <= _WORDS_SHOWN else words[:_WORDS_SHOWN] + "…"


def _pause(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` (RFC 9110, 10.2.3: seconds or a date) or `retry-after-ms`, in seconds."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        asked = headers.get("retry-after", "")
        if not asked:
            return None
        if asked.replace(".", "", 1).isdigit():
            return float(asked)
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return None
