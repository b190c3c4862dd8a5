"""`/metrics`: the figures of this process, and of the queue that all share, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.access.rights import Right
from app.figures import figures
from app.web.access import needs
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
@needs(Right.ADMIN)
def metrics(services: Wired) -> Response:
    return Response(generate_latest(figures(services)), media_type=CONTENT_TYPE_LATEST)
