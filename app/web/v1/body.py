"""The body of a request, and its fields as the contract types them; `null` is as good as absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request

from app.web.v1.errors import Refused

MOST_BYTES = 16 * 1024 * 1024
_DRAINED = 4 * MOST_BYTES
_AT_ONCE = 64 * 1024  # bytes of JSON that are read without a thread of their own


@dataclass(frozen=True)
class Body:
    """A JSON object whose fields nobody has checked yet; unknown ones are never looked at."""

    fields: Mapping[str, object]
    size: int = 0
    """Bytes that it came as."""

    def get(self, name: str) -> object:
        return self.fields.get(name)

    def model(self) -> str:
        """The field `model`.

        Raises:
            Refused: it is missing, empty or no string.
        """
        given = self.get("model")
        if given is None:
            raise Refused("You must provide a model parameter.", param="model")
        if not isinstance(given, str) or not given.strip():
            raise Refused("'model' must be a string that is not empty.", param="model")
        return given.strip()

    def flag(self, name: str) -> bool:
        """A boolean that is false unless it is given.

        Raises:
            Refused: it is something else.
        """
        given = self.get(name)
        if given is None:
            return False
        if not isinstance(given, bool):
            raise Refused(f"{name!r} must be true or false.", param=name)
        return given


async def body(request: Request) -> Body:
    """Read the body, whatever type it claims to be: curl sends JSON as a form unless told not to.

    Raises:
        Refused: over `MOST_BYTES`; empty; not JSON in UTF-8; not an object.
    """
    sent = await _bytes(request)
    if not sent.strip():
        raise Refused("The body is empty: send a JSON object.")
    if len(sent) > _AT_ONCE:
        return await to_thread.run_sync(_object, sent)
    return _object(sent)


SentBody = Annotated[Body, Depends(body)]


async def _bytes(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= MOST_BYTES:
            parts.append(part)
        else:  # a client that is still sending would not hear the refusal
            parts.clear()
        if size > _DRAINED:
            break
    if size > MOST_BYTES:
        raise Refused(
            f"The body is larger than {MOST_BYTES // 1024**2} MiB. Send less at once.", status=413
        )
    return b"".join(parts)


def _object(sent: bytes) -> Body:
    try:
        fields = json.loads(sent, parse_constant=_no_number)
    except (ValueError, RecursionError) as broken:
        raise Refused(f"We could not parse the JSON body of your request: {broken}") from None
    if not isinstance(fields, dict):
        raise Refused("The body must be a JSON object.")
    return Body(fields, len(sent))


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not JSON")
