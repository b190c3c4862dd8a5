"""The ASGI application: its lifespan, its routers and how it tells of errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import Depends, FastAPI

from app.config import Settings
from app.services import Services
from app.web import api, health, metrics, pages, v1
from app.web.access import admit, noted
from app.web.api import reference
from app.web.api.job_feed import JobFeeds
from app.web.errors import install_error_handlers
from app.web.head import HeadAsGet
from app.web.live import LiveAnswers
from app.web.mcp import door as mcp
from app.web.observed import NO_TELEMETRY, Draining, Observed, know_routes
from app.web.security import BodyLimit, SameSiteOnly, SecurityHeaders
from app.web.setting_up import AdministratorFirst


def create_app(
    settings: Settings, services: Services | None = None, *, worker: bool = True
) -> FastAPI:
    """The web application on `services`, with a worker inside unless told not to.

    Whoever opened the services closes them, after the application has ended. Opening may take
    minutes, and belongs to the thread that Ctrl-C reaches: so it is not the lifespan's.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if services is not None:
            await to_thread.run_sync(services.first_knowledge_base)
            if worker:
                app.state.worker = services.worker()
                app.state.worker.start()
        yield
        await to_thread.run_sync(app.state.live_answers.close)
        if app.state.worker is not None:
            # Waits for the batch at hand.
            await to_thread.run_sync(app.state.worker.stop)

    app = FastAPI(
        title="Tidemark",
        summary="Semantic search and cited answers over a team's documents.",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,  # the stock page loads its script from another host
        redoc_url=None,
        openapi_url="/api/openapi.json",
        dependencies=[Depends(admit), Depends(noted, scope="function")],
        generate_unique_id_function=lambda route: route.name,
        telemetry=NO_TELEMETRY,
    )
    app.state.services = services
    app.state.worker = None
    app.state.job_feeds = JobFeeds()
    app.state.live_answers = LiveAnswers()
    app.state.draining = Draining()
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyLimit, max_bytes=(settings.max_upload_mb * 10 + 1) * 1_000_000)
    app.add_middleware(SameSiteOnly, host=settings.host, public_url=settings.public_url)
    app.add_middleware(SecurityHeaders)
    v1.install(app, settings)
    if services is not None:
        app.add_middleware(AdministratorFirst, callers=services.callers, users=services.users)
    app.add_middleware(
        Observed,
        draining=app.state.draining,
        level=logging.INFO if settings.log_format == "json" else logging.DEBUG,
    )
    install_error_handlers(app)
    app.include_router(health.router)
    app.include_router(api.router, prefix="/api")
    app.include_router(reference.router)
    app.include_router(metrics.router)
    mcp.install(app)
    pages.install(app)
    know_routes(app)
    return app
