"""Whether this process lives, and whether it can serve: for supervisors and load balancers."""

from __future__ import annotations

import asyncio

from anyio import to_thread
from fastapi import APIRouter, Request

from app.access.rights import Right
from app.database.migrations import require_ready
from app.errors import DatabaseUnavailable, TidemarkError
from app.web.access import needs
from app.web.wiring import all_services

router = APIRouter(prefix="/health", tags=["Health"])

PATIENCE = 3.0  # seconds for TiDB's answer: who asks here asks again soon


class Draining(TidemarkError):
    """The process is about to stop: it finishes what it has begun."""

    status_code = 503
    retryable = True
    remedy = "Send new requests to another process."


@router.get("/live")
@needs(Right.OPEN)
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/ready")
@needs(Right.OPEN)
async def ready(request: Request) -> dict[str, str]:
    """The process can serve: 503 while it starts or stops, while the database is being migrated,
    and while TiDB does not answer."""
    if request.app.state.draining.begun:
        raise Draining("This process is about to stop.")
    database = all_services(request).database
    asked = to_thread.run_sync(require_ready, database, abandon_on_cancel=True)
    try:
        await asyncio.wait_for(asked, PATIENCE)
    except TimeoutError:
        raise DatabaseUnavailable(f"TiDB has not answered within {PATIENCE:g} seconds.") from None
    return {"status": "ready"}
