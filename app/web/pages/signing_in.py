"""Signing in and out, and the one-time link by which the first administrator comes in."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access.openid import Attempt, OpenIdProvider
from app.access.rights import Right
from app.access.sessions import LIFE
from app.errors import InvalidRequest, NotAllowed, PageNotFound, SignInFailed, TidemarkError
from app.web.access import address_of, caller_of, cookie_name, cookie_of, is_secure, needs
from app.web.addresses import address
from app.web.rendering import render
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

AWAY_FOR = 600  # seconds that a browser may be at the OpenID provider
Text = Annotated[str, Form(max_length=1000)]


@router.get("/sign-in")
@needs(Right.OPEN)
def sign_in_page(request: Request, services: Wired, next: str = "/") -> Response:  # noqa: A002
    if not services.callers.asks:
        return RedirectResponse(_within(next), status_code=303)
    return _sign_in(request, services, _within(next))


@router.get("/sign-in/openid")
@needs(Right.OPEN)
def go_to_provider(request: Request, services: Wired, next: str = "/") -> Response:  # noqa: A002
    """Send the browser to the OpenID provider, with what it has to bring back."""
    provider, attempt = _provider(services), Attempt.new()
    try:
        there = provider.way(attempt, _back_to(request, services))
    except TidemarkError as error:
        return _sign_in(request, services, _within(next), error=error)
    reply = RedirectResponse(there, status_code=303)
    kept = ".".join((attempt.state, attempt.nonce, attempt.verifier, quote(_within(next), safe="")))
    reply.set_cookie(
        _away(request),
        kept,
        max_age=AWAY_FOR,
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
    )
    reply.headers["cache-control"] = "no-store"
    return reply


@router.get("/sign-in/callback")
@needs(Right.OPEN)
def come_back(
    request: Request, services: Wired, state: str = "", code: str = "", error: str = ""
) -> Response:
    """Where the OpenID provider sends the browser; begins a session if it vouches for it."""
    provider, came = _provider(services), address_of(request)
    parts = request.cookies.get(_away(request), "").split(".")
    next_page = "/"
    try:
        if len(parts) != 4:  # noqa: PLR2004 - as `go_to_provider` puts them
            raise SignInFailed("This browser did not begin to sign in here, or was away too long.")
        next_page = _within(unquote(parts[3]))
        if error:
            raise SignInFailed(f"{provider.name} did not sign you in: {error[:100]}.")
        person = provider.who(Attempt(*parts[:3]), state, code, _back_to(request, services))
        user = provider.admit(person, services.users)
    except TidemarkError as refused:
        services.audit.note(f"somebody from {provider.name}", "sign_in_failed", "", came)
        reply: Response = _sign_in(request, services, next_page, error=refused)
    else:
        _end_present(request, services)
        services.audit.note(f"user {user.name!r}", "sign_in", f"by {provider.name}", came)
        reply = signed_in(request, services.sessions.begin(user.id), next_page)
    reply.delete_cookie(_away(request), secure=is_secure(request), httponly=True)
    return reply


@router.post("/sign-in")
@needs(Right.OPEN)
def sign_in(
    request: Request,
    services: Wired,
    name: Text,
    password: Text,
    next: Text = "/",  # noqa: A002
) -> Response:
    if not services.callers.asks:
        raise NotAllowed("Nobody signs in here: only this machine reaches this Tidemark.")
    request.state.actor = f"user {name[:100]!r}"
    try:
        token = services.sessions.sign_in(name, password, address_of(request))
    except TidemarkError as error:
        request.state.deed = "sign_in_failed"
        return _sign_in(request, services, _within(next), name, error)
    _end_present(request, services)
    return signed_in(request, token, _within(next))


@router.post("/sign-out")
@needs(Right.ACCOUNT)
def sign_out(
    request: Request, services: Wired, *, everywhere: Annotated[bool, Form()] = False
) -> Response:
    """End this browser's session, or all of the user's."""
    user, token = caller_of(request).user, cookie_of(request)
    if everywhere and user is not None:
        services.sessions.end_all(user.id)
    elif token is not None:
        services.sessions.end(token)
    reply = RedirectResponse("/sign-in", status_code=303)
    reply.delete_cookie(cookie_name(request), secure=is_secure(request), httponly=True)
    return reply


@router.get("/welcome")
@needs(Right.OPEN)
def welcome_page(
    request: Request, services: Wired, token: Annotated[str, Query()] = ""
) -> Response:
    """Where the first administrator chooses a name and a password."""
    _check_welcome(services, token)
    return render(request, "welcome.html", token=token, name="", error=None)


@router.post("/welcome")
@needs(Right.OPEN)
def make_first_administrator(
    request: Request, services: Wired, token: Text, name: Text, password: Text
) -> Response:
    _check_welcome(services, token)
    request.state.actor = f"user {name[:100]!r}"
    try:
        user = services.users.create_first(name, password)
    except InvalidRequest as error:
        request.state.deed = None
        return render(
            request,
            "welcome.html",
            status_code=error.status_code,
            token=token,
            name=name,
            error=error,
        )
    services.welcomes.end()
    return signed_in(request, services.sessions.begin(user.id), "/")


def _end_present(request: Request, services: Wired) -> None:
    """End the session that the browser is about to forget: whoever copied it is out too."""
    token = cookie_of(request)
    if token is not None:
        services.sessions.end(token)


def signed_in(request: Request, token: str, next_page: str) -> Response:
    """Let the browser keep its session: out of scripts' reach, and never over plain HTTP."""
    reply = RedirectResponse(next_page, status_code=303)
    reply.set_cookie(
        cookie_name(request),
        token,
        max_age=int(LIFE.total_seconds()),
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
    )
    reply.headers["cache-control"] = "no-store"
    return reply


def _check_welcome(services: Wired, token: str) -> None:
    if not services.welcomes.admits(token) or services.users.any_administrator():
        raise PageNotFound(
            "This link is not valid any more.",
            remedy="Start Tidemark again for another, or run `tidemark user create`.",
        )


def _provider(services: Wired) -> OpenIdProvider:
    if services.openid is None or not services.callers.asks:
        raise PageNotFound("Nobody signs in by an OpenID provider here.")
    return services.openid


def _away(request: Request) -> str:
    """The cookie of a browser that is at the provider."""
    return f"{cookie_name(request)}-away"


def _back_to(request: Request, services: Wired) -> str:
    """The address that the provider has to know as this Tidemark's."""
    return f"{services.settings.public_url or str(request.base_url).rstrip('/')}/sign-in/callback"


def _sign_in(
    request: Request,
    services: Wired,
    next_page: str,
    name: str = "",
    error: TidemarkError | None = None,
) -> HTMLResponse:
    reply = render(
        request,
        "sign-in.html",
        status_code=error.status_code if error else 200,
        next_page=next_page,
        name=name,
        error=error,
        openid=services.openid,
        openid_address=address("/sign-in/openid", ("next", next_page)),
    )
    reply.headers["cache-control"] = "no-store"
    return reply


def _within(place: str) -> str:
    """An address of this Tidemark's own: never one that leads to another site."""
    inside = place.startswith("/") and not place.startswith(("//", "/\\"))
    return place if inside and place.isprintable() and "\\" not in place else "/"
