"""One shape for every error: `{"error": {"code", "message", "remedy"}}`, or a page for a person."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from app.database.connection import as_our_error
from app.errors import (
    InvalidRequest,
    NotSignedIn,
    PageNotFound,
    RateLimited,
    TidemarkError,
    WrongKey,
)
from app.web.addresses import address
from app.web.forms import fault_of, no_file
from app.web.observed import HEADER as REQUEST_ID_HEADER
from app.web.rendering import render
from app.web.security import HEADERS
from app.web.wiring import all_services

log = logging.getLogger(__name__)

BODIES = frozenset({"application/json", "multipart/form-data", "application/x-www-form-urlencoded"})
"""The kinds of body that endpoints and forms take."""


class UnexpectedError(TidemarkError):
    """A fault of Tidemark's own; the details are in its log."""

    remedy = "Try again; if it stays so, see the log for the cause."


class MethodNotAllowed(TidemarkError):
    """The address is right, the method is not."""

    status_code = 405
    remedy = "See /docs for the methods that this address takes."


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(TidemarkError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def error_reply(request: Request, error: TidemarkError) -> Response:
    """The error as the caller can use it: a page for a browser that navigates, else JSON."""
    reply: Response
    if _may_sign_in(request, error):
        there = f"{request.url.path}?{request.url.query}".rstrip("?")
        return RedirectResponse(address("/sign-in", ("next", there)), status_code=303)
    if wants_page(request):
        reply = render(request, "error.html", status_code=error.status_code, error=error)
    else:
        reply = JSONResponse(error_body(error), status_code=error.status_code)
    if isinstance(error, RateLimited):
        reply.headers["retry-after"] = str(error.retry_after)
    if isinstance(error, NotSignedIn):
        reply.headers["www-authenticate"] = "Bearer"  # as RFC 9110 asks of a 401
    return reply


def _may_sign_in(request: Request, error: TidemarkError) -> bool:
    """Whether a person should be asked who they are, rather than told that nobody knows."""
    unknown = isinstance(error, NotSignedIn) and not isinstance(error, WrongKey)
    return unknown and wants_page(request) and request.method == "GET"


def error_body(error: TidemarkError) -> dict[str, dict[str, str]]:
    return {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}


def wants_page(request: Request) -> bool:
    api = request.url.path.startswith(("/api/", "/health/"))
    return not api and "text/html" in request.headers.get("accept", "")


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, TidemarkError)  # noqa: S101 - how the handler was registered
    return error_reply(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    if "UploadFile" in first["msg"]:  # a text in its place
        return error_reply(request, no_file(str(first["loc"][1])))
    said = _first_fault(error)
    kind = request.headers.get("content-type", "").partition(";")[0]
    if first["loc"][0] == "body" and kind not in BODIES:
        said += f" The body was sent as {kind[:100]!r}." if kind else " The body has no type."
    return error_reply(request, InvalidRequest(encodable(said)))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if isinstance(error.__cause__, TidemarkError):  # FastAPI wraps what reading the body raises
        return error_reply(request, error.__cause__)
    reply = error_reply(request, _told(request, error))
    for name, value in (error.headers or {}).items():
        reply.headers[name] = value  # which methods are allowed, for one
    return reply


def _first_fault(error: RequestValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return f"The body is not JSON: {first['ctx']['error']} at character {first['loc'][1]}."
    # Where it is, without the part of the request that it is in.
    where = ".".join(str(part) for part in first["loc"][1:]) or f"The {first['loc'][0]}"
    return f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}."


def _told(request: Request, error: HTTPException) -> TidemarkError:
    if isinstance(error.__context__, MultiPartException):
        return fault_of(error.__context__)
    if error.status_code == MethodNotAllowed.status_code:
        return MethodNotAllowed(f"{request.url.path[:200]} does not take {request.method}.")
    if error.status_code == PageNotFound.status_code:
        return PageNotFound(f"There is nothing at {request.url.path[:200]}.")
    return InvalidRequest(f"{str(error.detail).rstrip('.')}.")


def encodable(text: str) -> str:
    """Text that may hold lone surrogates, of which JSON can make them, as it can be sent."""
    return text.encode("utf-8", "backslashreplace").decode()


async def _unexpected(request: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError):
        away = as_our_error(error, all_services(request).database.url)
        if isinstance(away, TidemarkError):
            return _outermost(request, error_reply(request, away))
    log.error(
        "%s %s failed",
        request.method,
        request.url.path,
        exc_info=error,
        extra={"request_id": request.state.request_id},
    )
    unexpected = UnexpectedError("Something went wrong inside Tidemark.")
    return _outermost(request, error_reply(request, unexpected))


def _outermost(request: Request, reply: Response) -> Response:
    """With the headers of every reply: made outside of all middleware, it would lack them."""
    for name, value in HEADERS.items():
        reply.headers.setdefault(name, value)
    reply.headers.setdefault(REQUEST_ID_HEADER, request.state.request_id)
    return reply
