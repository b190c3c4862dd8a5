"""Uploads: files become revisions of documents, and their ingest is queued."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile, status
from fastapi.responses import Response
from pydantic import Field, TypeAdapter, ValidationError

from app.access.rights import Right
from app.documents.labels import Labels, checked_labels
from app.documents.model import KnowledgeBase
from app.documents.names import document_name
from app.errors import InvalidRequest, TidemarkError
from app.services import Services
from app.web.access import needs
from app.web.api.shape import ErrorShape, Shape, errors, reply
from app.web.errors import encodable
from app.web.forms import file_name
from app.web.v1.catalogue import plain_name
from app.web.wiring import ReadableKnowledgeBase, Wired, wake_worker

router = APIRouter(tags=["Documents"])

_METADATA = TypeAdapter(dict[str, str])

PIECE = 1024 * 1024  # bytes read at once from the upload, which lies in a temporary file


class EstimateReply(Shape):
    """What embedding some files would cost, at most."""

    files: int = Field(examples=[3])
    """Those that would be embedded."""
    unchanged: int = Field(examples=[1])
    """Those whose documents have these very bytes already."""
    unreadable: int = Field(examples=[0])
    """Those that would be refused, or would fail."""
    tokens: int = Field(examples=[48_210])
    """What the model would be sent; texts that it had before are not sent again."""
    model: str = Field(examples=["text-embedding-3-small"])
    cost: float | None = Field(examples=[0.00096])
    """US dollars: 0 for a model on the machine that Tidemark runs on, null where nobody knows."""
    suffices: bool
    """Whether today's budget, if there is one, is enough."""


class UploadedFile(Shape):
    """What became of one file."""

    name: str = Field(examples=["guides/harbour.pdf"])
    status: Literal["accepted", "unchanged", "refused"]
    """`unchanged`: the document has these very bytes already, and there is nothing to do."""
    document_id: int | None = Field(default=None, examples=[12])
    job_id: int | None = Field(default=None, examples=[31])
    """The job that ingests it."""
    error: ErrorShape | None = None
    """Why the file was refused; the others go on."""


class UploadReply(Shape):
    """One outcome for each file, in their order."""

    files: tuple[UploadedFile, ...]


class RefusedUpload(UploadReply):
    """No file was taken: the first one's error, and each one's own."""

    error: ErrorShape


@router.post(
    "/knowledge-bases/{name}/documents",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=UploadReply,
    responses=errors(403, 404, 413, 422, 503),
)
@needs(Right.WRITE)
def upload_documents(
    base: ReadableKnowledgeBase,
    files: Annotated[list[UploadFile], File(description="One file or many.")],
    services: Wired,
    request: Request,
    *,
    tags: Annotated[list[str], Form(description="Tags that each of the files gets.")] = [],  # noqa: B006 - FastAPI makes it anew
    metadata: Annotated[
        str,
        Form(
            description="Metadata that each of the files gets: a JSON object of texts by name.",
            examples=['{"author": "A. Shore"}'],
        ),
    ] = "",
) -> Response:
    """Take files in. Their bytes are safe when this replies; their ingest goes on meanwhile.

    A file of a name that is there becomes the document's next revision. If no file can be taken,
    the reply has the status of the first one's error.
    """
    labels = checked_labels([tag for tag in tags if tag.strip()], _metadata(metadata))
    taken: list[UploadedFile] = []
    refused: list[TidemarkError] = []
    for file in files:
        outcome = _received(services, base, file, labels)
        if isinstance(outcome, TidemarkError):
            refused.append(outcome)
            outcome = UploadedFile(
                name=_shown(file_name(file)), status="refused", error=ErrorShape.of(outcome)
            )
        elif outcome.job_id is not None:
            wake_worker(request)
        taken.append(outcome)
    if len(refused) == len(taken):
        first = refused[0]
        told = RefusedUpload(files=tuple(taken), error=ErrorShape.of(first))
        return reply(told, first.status_code)
    return reply(UploadReply(files=tuple(taken)), status.HTTP_202_ACCEPTED)


@router.post(
    "/knowledge-bases/{name}/documents/estimate",
    response_model=EstimateReply,
    responses=errors(403, 404, 413, 422, 503),
)
@needs(Right.WRITE)
def estimate_upload(
    base: ReadableKnowledgeBase,
    files: Annotated[list[UploadFile], File(description="One file or many.")],
    services: Wired,
    request: Request,
) -> Response:
    """What ingesting files would cost. They are read and counted; nothing is stored or sent."""
    request.state.deed = None
    return reply(estimated(services, base, files))


def estimated(
    services: Services, base: KnowledgeBase, files: Iterable[UploadFile]
) -> EstimateReply:
    """The estimate for files of a form; one without a name that can be used is unreadable."""
    named, nameless = [], 0
    for file in files:
        try:
            named.append((document_name(file_name(file)), partial(_pieces, file.file)))
        except TidemarkError:
            nameless += 1
    found = services.estimator.estimate(base, named)
    return EstimateReply(
        files=found.files,
        unchanged=found.unchanged,
        unreadable=found.unreadable + nameless,
        tokens=found.tokens,
        model=plain_name(found.model),
        cost=found.cost,
        suffices=found.suffices,
    )


def _received(
    services: Services, base: KnowledgeBase, file: UploadFile, labels: Labels
) -> UploadedFile | TidemarkError:
    try:
        if not file.filename:
            raise InvalidRequest("A file has no name.", remedy="Choose a file, or give it a name.")
        receipt = services.uploads.receive(
            base, document_name(file_name(file)), _pieces(file.file), labels
        )
    except TidemarkError as error:
        return error
    return UploadedFile(
        name=receipt.document_name,
        status="unchanged" if receipt.unchanged else "accepted",
        document_id=receipt.document_id,
        job_id=receipt.job_id,
    )


def _metadata(given: str) -> dict[str, str]:
    try:
        return _METADATA.validate_json(given) if given.strip() else {}
    except ValidationError:
        raise InvalidRequest(
            "The metadata is no JSON object of texts by name.",
            remedy='Send it as {"author": "A. Shore"}.',
        ) from None


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _shown(name: str) -> str:
    """A name that may be one because of which the file was refused."""
    return encodable(name[:500])
