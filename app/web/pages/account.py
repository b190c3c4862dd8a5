"""One's own account: password, sessions, and API keys; on this machine alone, the keys of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access.keys import ApiKey, KeyLimits, NewKey, scopes_of
from app.access.rights import Right, Scope
from app.access.users import User
from app.errors import KeyNotFound, NotAllowed, TidemarkError, WrongPassword
from app.services import Services
from app.web.access import address_of, caller_of, needs
from app.web.pages.frame import frame, show
from app.web.pages.signing_in import signed_in
from app.web.pages.wording import When, when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=1000)]
Number = Annotated[str, Form(pattern=r"^\d{0,9}$")]

MEANINGS = {
    Scope.READ: "search, and read documents",
    Scope.WRITE: "upload and delete documents",
    Scope.EMBED: "use the embedding model",
    Scope.CHAT: "have questions answered",
    Scope.ADMIN: "administer",
}


@dataclass(frozen=True)
class ShownKey:
    """A key as a row of the table."""

    id: int
    name: str
    hint: str
    owner: str
    scopes: str
    bases: str
    used: When | None
    ends: When | None
    state: str


@router.get("/account")
@needs(Right.ACCOUNT)
def account_page(request: Request, services: Wired) -> HTMLResponse:
    return _show(request, services)


@router.post("/account/password")
@needs(Right.ACCOUNT)
def change_password(request: Request, services: Wired, present: Text, password: Text) -> Response:
    """Set another password, which ends every session but this browser's new one."""
    user = _somebody(request)
    try:
        # As at the door, so that a browser left open is no way to guess a password.
        services.sessions.end(services.sessions.sign_in(user.name, present, address_of(request)))
        services.users.set_password(user.id, password)
    except WrongPassword:
        request.state.deed = "change_password_failed"
        wrong = WrongPassword("That is not your present password.", remedy="Try it again.")
        return _show(request, services, error=wrong)
    except TidemarkError as error:
        request.state.deed = "change_password_failed"
        return _show(request, services, error=error)
    return signed_in(request, services.sessions.begin(user.id), "/account")


@router.post("/account/keys")
@needs(Right.ACCOUNT)
def create_key(
    request: Request,
    services: Wired,
    name: Text,
    *,
    scope: Annotated[tuple[str, ...], Form()] = (),
    base: Annotated[tuple[str, ...], Form(alias="knowledge-base")] = (),
    days: Number = "",
    requests: Number = "",
    tokens: Number = "",
) -> HTMLResponse:
    """Make a key, which the reply shows this once; it can never do more than whoever makes it."""
    user = caller_of(request).user
    request.state.subject = name[:100]
    try:
        bases = frozenset(services.knowledge_bases.get(each).id for each in base)
        ends = datetime.now(UTC) + timedelta(days=min(int(days), 36_500)) if days else None
        limits = KeyLimits(int(requests) if requests else None, int(tokens) if tokens else None)
        _, secret = services.keys.create(
            NewKey(name, scopes_of(scope), bases or None, user.id if user else None, ends, limits)
        )
    except TidemarkError as error:
        request.state.deed = None
        return _show(request, services, error=error)
    return _show(request, services, secret=secret)


@router.post("/account/keys/revoke")
@needs(Right.ACCOUNT)
def revoke_key(request: Request, services: Wired, key: Annotated[int, Form()]) -> Response:
    """End a key of one's own; an administrator, any."""
    request.state.subject = f"key {key}"
    found = services.keys.get(key)
    if not _is_of(found, request):
        raise KeyNotFound(f"There is no API key {key}.")
    services.keys.revoke(key)
    return RedirectResponse("/account", status_code=303)


def _show(
    request: Request,
    services: Services,
    *,
    secret: str | None = None,
    error: TidemarkError | None = None,
) -> HTMLResponse:
    user = caller_of(request).user
    names = {base.id: base.name for base, _ in services.knowledge_bases.list()}
    owners = {each.id: each.name for each in services.users.list()}
    reply = show(
        request,
        "account.html",
        frame("Account" if user else "API keys", "/account", None, "/api/knowledge-bases"),
        status_code=error.status_code if error else 200,
        user=user,
        sessions=services.sessions.count(user.id) if user else 0,
        keys=tuple(
            _shown(key, names, owners) for key in services.keys.list() if _is_of(key, request)
        ),
        meanings=[(scope.value, MEANINGS[scope]) for scope in Scope],
        bases=tuple(names.values()),
        secret=secret,
        error=error,
    )
    reply.headers["cache-control"] = "no-store"
    return reply


def _is_of(key: ApiKey, request: Request) -> bool:
    """Whether the caller may see the key: their own, or as an administrator any."""
    caller = caller_of(request)
    return caller.roles is None or (caller.user is not None and key.user_id == caller.user.id)


def _somebody(request: Request) -> User:
    user = caller_of(request).user
    if user is None:
        raise NotAllowed("Nobody signs in here: only this machine reaches this Tidemark.")
    return user


def _shown(key: ApiKey, names: dict[int, str], owners: dict[int, str]) -> ShownKey:
    bound = key.knowledge_bases
    return ShownKey(
        id=key.id,
        name=key.name,
        hint=key.hint,
        owner="a program" if key.user_id is None else owners.get(key.user_id, "nobody"),
        scopes=", ".join(sorted(key.scopes)),
        bases="every knowledge base"
        if bound is None
        else ", ".join(sorted(names[each] for each in bound if each in names)) or "none any more",
        used=when(key.last_used_at) if key.last_used_at else None,
        ends=when(key.expires_at) if key.expires_at else None,
        state=key.state,
    )
