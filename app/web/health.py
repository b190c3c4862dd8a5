"""Whether this process lives, and whether it can serve: for supervisors and load balancers."""

from __future__ import annotations

from fastapi import APIRouter

from app.access.rights import Right
from app.web.access import needs
from app.web.wiring import Wired

router = APIRouter(prefix="/health", tags=["Health"])


@router.get("/live")
@needs(Right.OPEN)
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/ready")
@needs(Right.OPEN)
def ready(services: Wired) -> dict[str, str]:
    """The process has what it needs: 503 while it starts, or while TiDB does not answer."""
    services.database.ping()
    return {"status": "ready"}
