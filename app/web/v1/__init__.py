"""The OpenAI-compatible API under `/v1`: any client of OpenAI's works against it as it is."""

from fastapi import Depends, FastAPI

from app.config import Settings
from app.web.observed import NO_TELEMETRY
from app.web.v1 import catalogue, chat, embeddings, rerank, responses
from app.web.v1.access import admit
from app.web.v1.door import Door
from app.web.v1.errors import install_error_handlers

PARTS = (embeddings, rerank, catalogue, chat, responses)


def install(app: FastAPI, settings: Settings) -> None:
    """Put the API before `app`, whose services it shares; the last of its middleware to be added.

    It is an application of its own, because its errors and its limits are OpenAI's, not ours.
    """
    inner = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(admit)],
        telemetry=NO_TELEMETRY,
    )
    inner.state = app.state
    app.state.v1 = inner
    install_error_handlers(inner)
    for part in PARTS:
        inner.include_router(part.router, prefix="/v1")
    app.add_middleware(
        Door,
        inner=inner,
        host=settings.host,
        public_url=settings.public_url,
        origins=settings.origins,
    )
