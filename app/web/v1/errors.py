"""Errors as OpenAI's clients read them: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.errors import InvalidRequest, KnowledgeBaseNotFound, RateLimited, TidemarkError
from app.web.errors import encodable

log = logging.getLogger(__name__)

INVALID = "invalid_request_error"
OVERLOADED = "service_unavailable_error"
FAILED = "server_error"

_UNAVAILABLE = 503
_SERVER = 500


class Refused(Exception):
    """A request that is not fulfilled, in the words and the shape of the contract."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = headers

    def body(self) -> dict[str, dict[str, str | None]]:
        return {
            "error": {
                "message": encodable(self.message),
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }

    def line(self) -> str:
        """The body as JSON, for a stream that breaks off."""
        return json.dumps(self.body())

    def reply(self) -> JSONResponse:
        return JSONResponse(self.body(), status_code=self.status, headers=self.headers)


def model_not_found(name: str, reason: str) -> Refused:
    """There is no model of that name, or it does something else; `reason` says what to do."""
    message = f"The model {name[:200]!r} does not exist. {reason}"
    return Refused(message, status=404, param="model", code="model_not_found")


def refused(error: TidemarkError, param: str | None = None) -> Refused:
    """One of Tidemark's own errors; `param` is the field to blame if the request was wrong."""
    message = f"{error.message} {error.remedy}".strip()
    if isinstance(error, KnowledgeBaseNotFound):
        return Refused(message, status=404, param="model", code="model_not_found")
    if isinstance(error, RateLimited):
        wait = {"retry-after": str(error.retry_after)}
        return Refused(
            message, status=429, kind=error.kind, code="rate_limit_exceeded", headers=wait
        )
    if isinstance(error, InvalidRequest):  # 422 to our own API; OpenAI's clients know 400
        return Refused(message, param=param)
    if error.status_code < _SERVER:
        return Refused(message, status=error.status_code)
    kind = OVERLOADED if error.status_code == _UNAVAILABLE else FAILED
    return Refused(message, status=error.status_code, kind=kind)


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(TidemarkError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - how the handler was registered
    return error.reply()


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, TidemarkError)  # noqa: S101
    return refused(error).reply()


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    asked = f"{request.method} {request.url.path[:200]}"
    said = {404: f"There is nothing at {asked}.", 405: f"The method does not fit: {asked}."}
    message = said.get(error.status_code, str(error.detail))
    return Refused(message, status=error.status_code, headers=error.headers).reply()


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nginx's number for a client that hung up; nobody reads it


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Refused("Something went wrong inside Tidemark.", status=_SERVER, kind=FAILED).reply()
