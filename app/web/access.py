"""Who may use which route: each says what it needs, and the caller is asked for it first.

A route says it in one line, by `@needs(Right.READ)`. What is in a knowledge base that the caller
may not see is not there: for the stores that the route works with, and before that for the parts of
its address, each of which leads to its knowledge base by `PLACES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from anyio import to_thread
from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from app.access.callers import Caller
from app.access.limits import Holder
from app.access.rights import NOTHING, Right
from app.errors import ConversationNotFound
from app.services import Services
from app.web.wiring import all_services

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])

RIGHT = "__right__"

_number = TypeAdapter(int)  # as FastAPI reads numbers in addresses, "12.0" included

PLACES: Mapping[str, Callable[[Services, str], object]] = {
    "name": lambda services, name: services.knowledge_bases.get(name),
    "document_id": lambda services, number: services.documents.get(_number.validate_python(number)),
    "index_id": lambda services, number: services.knowledge_bases.by_id(
        services.indexes.base_of(_number.validate_python(number))
    ),
    "job_id": lambda services, number: services.jobs.get(_number.validate_python(number)),
    # These stand beside their knowledge base's name, and are looked for in that one alone.
    "question_id": lambda _, number: _number.validate_python(number),
    "deleted_id": lambda _, number: _number.validate_python(number),
    "search_id": lambda _, number: _number.validate_python(number),
    "evaluation_id": lambda _, number: _number.validate_python(number),
    "conversation_id": lambda services, number: _base_of(services, number, turn=False),
    "turn_id": lambda services, number: _base_of(services, number, turn=True),
}
"""What looks up the thing that a part of an address names, in stores that see what may be seen."""


def _base_of(services: Services, number: str, *, turn: bool) -> None:
    """Look for the knowledge base that a conversation is held with; whose it is, its store asks."""
    asked = _number.validate_python(number)
    name = services.conversations.knowledge_base_of(asked, turn=turn)
    if name is None or name not in {base.name for base, _ in services.knowledge_bases.list()}:
        raise ConversationNotFound(f"There is no conversation or turn {asked} of yours.")


def needs(right: Right) -> Callable[[Endpoint], Endpoint]:
    """Say what a route needs of its caller; stands beside `@router.get(…)`."""

    def say(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, RIGHT, right)
        return endpoint

    return say


def right_of(endpoint: object) -> Right:
    """What a route needs; of one that does not say it, the most that there is."""
    right: Right = getattr(endpoint, RIGHT, Right.ADMIN)
    return right


async def admit(request: Request) -> None:
    """Let the request pass to its endpoint, if its caller may make it.

    Raises:
        NotSignedIn, WrongKey: nobody knows who calls.
        NotAllowed: the caller may not do that.
        RateLimited: the caller's key has been used too often.
        TidemarkError: what the address names is not there for the caller.
    """
    right = right_of(request.scope["endpoint"])
    request.state.sight = NOTHING
    if right is Right.OPEN:
        return
    secret = secret_of(request)
    services = all_services(request)
    if secret is None and not services.callers.asks:
        caller = services.callers.by_key(None, required=False)  # which asks nobody
    else:
        caller = await to_thread.run_sync(lambda: services.callers.by_key(secret, required=False))
    request.state.caller = caller
    request.state.sight = caller.sight(right)
    if holders := holders_of(request):
        take = partial(services.rate_limits.take, holders, requests=1, tokens=0)
        await to_thread.run_sync(take)
    if request.state.sight.roles is not None and request.path_params:
        await to_thread.run_sync(_look, services.seen_by(request.state.sight), request.path_params)


def caller_of(request: Request) -> Caller:
    """Who makes a request that has been admitted."""
    caller: Caller = request.state.caller
    return caller


def holders_of(request: Request) -> tuple[Holder, ...]:
    """Whose limits the request counts against: none but a key has any."""
    key = caller_of(request).key
    return () if key is None else all_services(request).rate_limits.holders(key)


def secret_of(request: Request) -> str | None:
    """The API key that was sent, by either header; None if none was, or an empty one."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    bearer = credentials.strip() if scheme.lower() == "bearer" else ""
    return bearer or request.headers.get("x-api-key", "").strip() or None


def _look(services: Services, parts: Mapping[str, str]) -> None:
    for part, value in parts.items():
        look = PLACES.get(part)
        if look is None:
            raise AssertionError(f"{part!r} is not in PLACES")
        try:
            look(services, value)
        except ValidationError:  # no number: the endpoint says so
            continue
