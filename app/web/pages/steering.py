"""What a person does to the queue on the pages: pause, resume, cancel, try again; the failures."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.access.rights import Right
from app.ingestion.job import JobState
from app.ingestion.job_control import JobControl
from app.web.access import needs
from app.web.addresses import address, api_address
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.uploads import uploads_of
from app.web.pages.wording import count
from app.web.wiring import Wired, wake_worker

router = APIRouter(include_in_schema=False)

ROWS = 50


class JobAction(StrEnum):
    """What a button of a job's row does."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


class QueueAction(StrEnum):
    """What a button above the rows does to all of them."""

    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"


STEERED = {
    JobAction.PAUSE: JobControl.pause,
    JobAction.RESUME: JobControl.resume,
    JobAction.CANCEL: JobControl.cancel,
    JobAction.RETRY: JobControl.retry,
}


@router.post("/documents/jobs")
@needs(Right.WRITE)
def steer_job(
    request: Request,
    services: Wired,
    job: Annotated[int, Form(ge=1)],
    action: Annotated[JobAction, Form()],
) -> RedirectResponse:
    """Do to one job what its button says, and show the documents again."""
    steered = STEERED[action](services.job_control, job)
    wake_worker(request)
    base = services.knowledge_bases.by_id(steered.knowledge_base_id).name
    return RedirectResponse(address("/documents", ("knowledge-base", base)), status_code=303)


@router.post("/documents/queue")
@needs(Right.WRITE)
def steer_queue(
    request: Request,
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    action: Annotated[QueueAction, Form()],
) -> RedirectResponse:
    """Do it to all of a knowledge base, and show its documents again."""
    base = services.knowledge_bases.get(base_name)
    if action is QueueAction.PAUSE:
        services.job_control.pause_all(base)
    elif action is QueueAction.RESUME:
        services.job_control.resume_all(base)
    else:
        services.job_control.retry_failed(base)
    wake_worker(request)
    return RedirectResponse(address("/documents", ("knowledge-base", base.name)), status_code=303)


@router.get("/documents/failures")
@needs(Right.READ)
def failures_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> HTMLResponse:
    """All that failed and still needs somebody: the reason, and what to do."""
    base = chosen.base
    jobs = services.jobs.failures(base.id, offset=offset, limit=ROWS)
    total = services.jobs.counts(base.id)[JobState.FAILED]

    def at(place: int) -> str:
        parameters = (("knowledge-base", base.name), ("offset", place or None))
        return address("/documents/failures", *parameters)

    return show(
        request,
        "failures.html",
        frame("Failures", "/documents", base.name, api_address(base.name, "failures")),
        chosen=chosen,
        uploads=uploads_of(jobs),
        summary=f"{count(total, 'file')} could not be read",
        total=total,
        earlier=at(max(0, offset - ROWS)) if offset else None,
        later=at(offset + len(jobs)) if offset + len(jobs) < total else None,
        back=address("/documents", ("knowledge-base", base.name)),
    )
