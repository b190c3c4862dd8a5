"""The ASGI application: its lifespan, its routers and how it tells of errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI

from app.config import Settings
from app.services import open_services
from app.web import api, health, pages
from app.web.api import reference
from app.web.api.job_feed import JobFeeds
from app.web.errors import install_error_handlers
from app.web.security import BodyLimit, SameSiteOnly, SecurityHeaders

log = logging.getLogger(__name__)


def create_app(settings: Settings, *, worker: bool = True) -> FastAPI:
    """The web application; with a worker inside unless told not to.

    Its services open when it starts and close when it ends. Until then `/health/ready` is false.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as stack:
            services = await to_thread.run_sync(
                lambda: stack.enter_context(open_services(settings, log.info))
            )
            services.first_knowledge_base()
            app.state.services = services
            app.state.worker = None
            if worker:
                app.state.worker = services.worker()
                app.state.worker.start()
                stack.callback(app.state.worker.stop)
            yield
            # Closing waits for the batch at hand, and for TiDB to stop.
            await to_thread.run_sync(stack.pop_all().close)

    app = FastAPI(
        title="Tidemark",
        summary="Semantic search and cited answers over a team's documents.",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,  # the stock page loads its script from another host
        redoc_url=None,
        openapi_url="/api/openapi.json",
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = None
    app.state.job_feeds = JobFeeds()
    app.add_middleware(BodyLimit, max_bytes=(settings.max_upload_mb * 10 + 1) * 1_000_000)
    app.add_middleware(SameSiteOnly, host=settings.host)
    app.add_middleware(SecurityHeaders)
    install_error_handlers(app)
    app.include_router(health.router)
    app.include_router(api.router, prefix="/api")
    app.include_router(reference.router)
    pages.install(app)
    return app
