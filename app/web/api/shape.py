"""What every shape of the JSON API is made with, and the one shape of its errors."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict, Field

from app.errors import TidemarkError

LARGEST_ID = 2**53 - 1  # what JavaScript counts exactly; no id of Tidemark's is larger

DocumentId = Annotated[
    int, Path(ge=1, le=LARGEST_ID, description="The document's id.", examples=[12])
]
JobId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The job's id.", examples=[31])]


class Shape(BaseModel):
    """A reply, a part of one, or a body that is asked for."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


def reply(shape: Shape, status_code: int = 200) -> Response:
    """The reply as it is: FastAPI would check and convert what is checked and converted already."""
    return Response(shape.model_dump_json(), status_code, media_type="application/json")


class ErrorShape(Shape):
    """What went wrong, and what to do about it."""

    code: str = Field(examples=["document_not_found"])
    """A stable name for programs."""
    message: str = Field(examples=["There is no document 12."])
    """What happened, and to what."""
    remedy: str = Field(examples=["List the knowledge base's documents to see what is there."])
    """What to do about it."""

    @classmethod
    def of(cls, error: TidemarkError) -> ErrorShape:
        return cls(code=error.code, message=error.message, remedy=error.remedy)


class ErrorReply(Shape):
    """Every error of every endpoint has this shape."""

    error: ErrorShape


REASONS = {
    401: "The API key is missing, or not valid.",
    403: "The caller may not do that, or the request comes from a page of another site.",
    404: "There is no such thing.",
    409: "It is there already, or in no state for that.",
    413: "The body, or the file in it, is too large.",
    415: "The body is not of the kind that the endpoint takes.",
    422: "The request cannot be used.",
    429: "The API key is over its limit.",
    502: "The model's provider, or the site that was to be fetched from, failed or refused.",
    503: "TiDB, the model or its provider does not answer.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of an endpoint's errors; any request may be unusable, or by
    somebody who may not make it."""
    return {
        status: {"model": ErrorReply, "description": REASONS[status]}
        for status in sorted({*statuses, 401, 403, 422, 429})
    }
