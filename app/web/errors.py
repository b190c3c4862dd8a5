"""One shape for every error: `{"error": {"code", "message", "remedy"}}`, or a page for a person."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from app.errors import InvalidRequest, PageNotFound, TidemarkError
from app.web.rendering import render

log = logging.getLogger(__name__)


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
    if wants_page(request):
        return render(request, "error.html", status_code=error.status_code, error=error)
    return JSONResponse(error_body(error), status_code=error.status_code)


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
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return error_reply(request, InvalidRequest(f"{where}: {first['msg']}."))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == MethodNotAllowed.status_code:
        told: TidemarkError = MethodNotAllowed(
            f"{request.url.path} does not take {request.method}."
        )
    elif error.status_code == PageNotFound.status_code:
        told = PageNotFound(f"There is nothing at {request.url.path[:200]}.")
    else:
        told = InvalidRequest(str(error.detail))
    return error_reply(request, told)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_reply(request, UnexpectedError("Something went wrong inside Tidemark."))
