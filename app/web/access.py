"""Who may use which route: each says what it needs, and the caller is asked for it first.

A route says it in one line, by `@needs(Right.READ)`. What is in a knowledge base that the caller
may not see is not there: for the stores that the route works with, and before that for the parts of
its address, each of which leads to its knowledge base by `PLACES`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from anyio import to_thread
from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from app.access.callers import LOCAL, Caller
from app.access.limits import Holder
from app.access.rights import NOTHING, Right
from app.errors import ConversationNotFound, ForbiddenRequest, TidemarkError
from app.services import Services
from app.web.security import SAFE_METHODS
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
    if services.conversations.knowledge_base_of(asked, turn=turn) is None:
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
    services = all_services(request)
    caller = await _whoever_calls(request, again=False)
    request.state.caller = caller
    request.state.sight = caller.sight(right)
    if caller.key is not None:
        await to_thread.run_sync(services.rate_limits.count, caller.key)
    if request.state.sight.roles is not None and request.path_params:
        await to_thread.run_sync(_look, services.seen_by(request.state.sight), request.path_params)


async def still_admitted(request: Request) -> bool:
    """Whether the request would be let pass now, too: for a reply that goes on and on.

    To ask is no use of a session or a key. While TiDB is away, nobody is sent away.
    """
    right = right_of(request.scope["endpoint"])
    try:
        sight = (await _whoever_calls(request, again=True)).sight(right)
        if sight.roles is not None:
            seen = all_services(request).seen_by(sight)
            await to_thread.run_sync(_look, seen, request.path_params)
    except TidemarkError as error:
        return error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    return True


async def _whoever_calls(request: Request, *, again: bool) -> Caller:
    services, secret = all_services(request), secret_of(request)
    if secret is not None:
        return await to_thread.run_sync(services.callers.by_key, secret)
    if not services.callers.asks:
        return LOCAL
    by_session = partial(services.callers.by_session, used=not again)
    caller = await to_thread.run_sync(by_session, cookie_of(request))
    _check_origin(request)
    return caller


async def noted(request: Request) -> AsyncIterator[None]:
    """Write into the log of who did what, before a request that changed something is told so.

    An endpoint may say in `request.state` what it did (`deed`; None: nothing), to what (`subject`),
    and who it turned out to be that did it (`actor`).
    """
    endpoint = request.scope["endpoint"]
    request.state.deed = endpoint.__name__
    request.state.subject = ", ".join(f"{k} {v}" for k, v in request.path_params.items())
    yield
    deed = request.state.deed
    if request.method in SAFE_METHODS or right_of(endpoint) is Right.ASK or deed is None:
        return
    caller: Caller | None = getattr(request.state, "caller", None)
    actor = getattr(request.state, "actor", None) or (caller.name if caller else "nobody")
    audit = all_services(request).audit
    note = partial(audit.note, actor, deed, request.state.subject, address_of(request))
    await to_thread.run_sync(note)


def address_of(request: Request) -> str:
    """Where a request comes from; behind a proxy that is trusted, what that says of it."""
    return request.client.host if request.client else ""


def cookie_name(request: Request) -> str:
    """The session's cookie; `__Host-` lets no other site of the same domain set it."""
    return "__Host-tidemark" if is_secure(request) else "tidemark"


def is_secure(request: Request) -> bool:
    """Whether the browser came by HTTPS, be it to a proxy."""
    public = all_services(request).settings.public_url or ""
    return public.startswith("https://") or request.url.scheme == "https"


def cookie_of(request: Request) -> str | None:
    return request.cookies.get(cookie_name(request))


def _check_origin(request: Request) -> None:
    """A browser says where a request that changes something comes from; `SameSiteOnly` checks it.

    So a session that comes without a word of it is not used by the browser it was given to.
    """
    told = request.headers.get("origin") or request.headers.get("sec-fetch-site")
    if request.method not in SAFE_METHODS and not told:
        raise ForbiddenRequest(
            "The request does not say which page it comes from.",
            remedy="Programs use an API key instead of a session.",
        )


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
