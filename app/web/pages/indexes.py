"""The indexes page: what is active, what is being built and how far, two side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from app.access.rights import Right
from app.errors import InvalidRequest
from app.indexes.index import Index, IndexState
from app.indexes.recipe import Recipe
from app.indexes.recipes import Choice
from app.web.access import needs
from app.web.addresses import address, api_address
from app.web.api.indexes import LONGEST_PREFIX
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.index_cards import (
    Act,
    card,
    compare_address,
    plan_facts,
    told_prefixes,
)
from app.web.wiring import Wired, wake_worker

router = APIRouter(include_in_schema=False)

DONE = {
    Act.PROMOTE: "Searches are answered from index {} now. The former one is kept, and can be "
    "taken back to.",
    Act.REVERT: "Taken back: searches are answered from index {} again.",
    Act.DROP: "Index {} is dropped.",
    Act.PAUSE: "The build of index {} rests.",
    Act.RESUME: "Index {} is given what it lacks.",
    Act.UNSCHEDULE: "Index {} stays as it is until somebody promotes it.",
}
STARTED = "Index {} is being built. Searches and uploads go on meanwhile."


class Asked(BaseModel):
    """What a person typed of a new index; what is empty is as usual for the model."""

    model: str = ""
    dimensions: str = ""
    chunk_tokens: str = ""
    query_prefix: str = Field("", max_length=LONGEST_PREFIX)
    document_prefix: str = Field("", max_length=LONGEST_PREFIX)

    def choice(self) -> Choice:
        return Choice(
            model=self.model.strip() or None,
            dimensions=_number(self.dimensions, "The width"),
            query_prefix=self.query_prefix or None,  # the space at its end belongs to it
            document_prefix=self.document_prefix or None,
            chunk_tokens=_number(self.chunk_tokens, "The size of chunks"),
        )


class Build(Asked):
    knowledge_base: str = Field(alias="knowledge-base")
    margin: str = ""


@router.get("/indexes")
@needs(Right.READ)
def indexes_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    done: Annotated[str, Query(max_length=20)] = "",
    index: int | None = None,
) -> HTMLResponse:
    base = chosen.base
    reports = services.changeover.reports.of(base.id)
    wanted = services.changeover.settings_recipe()
    active = next((r.index for r in reports if r.index.state == IndexState.ACTIVE), None)
    may_manage = request.state.caller.may(Right.MANAGE, base.id)
    notice = STARTED if done == "build" else DONE.get(Act(done), "") if done in set(Act) else ""
    return show(
        request,
        "indexes.html",
        frame("Indexes", "/indexes", base.name, api_address(base.name, "indexes")),
        chosen=chosen,
        cards=tuple(card(one, services, base.name, may_manage=may_manage) for one in reports),
        may_manage=may_manage,
        differs=_differs(active, wanted),
        wanted=wanted,
        wanted_prefixes="" if wanted is None else told_prefixes(wanted) or "no prefixes",
        notice=notice.format(index),
    )


@router.get("/indexes/new")
@needs(Right.MANAGE)
def plan_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    *,
    asked: Annotated[Asked, Query()],
) -> HTMLResponse:
    """What a build would do and cost, before it is begun."""
    choice = asked.choice()
    plan = services.changeover.plan(chosen.base, choice)
    return show(
        request,
        "index_plan.html",
        frame(
            "Build an index", "/indexes", chosen.base.name, api_address(chosen.base.name, "indexes")
        ),
        chosen=chosen,
        facts=plan_facts(plan),
        asked=asked.model_dump(),
    )


@router.post("/indexes/new")
@needs(Right.MANAGE)
def build(
    request: Request,
    services: Wired,
    asked: Annotated[Build, Form()],
) -> RedirectResponse:
    base = services.knowledge_bases.get(asked.knowledge_base)
    index_id = services.changeover.build(base, asked.choice(), _margin(asked.margin))
    wake_worker(request)
    return _back(base.name, "build", index_id)


@router.post("/indexes")
@needs(Right.MANAGE)
def act(
    request: Request,
    services: Wired,
    *,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    what: Annotated[Act, Form(alias="do")],
    index: Annotated[int, Form()] = 0,
    without: Annotated[int, Form(ge=0)] = 0,
) -> RedirectResponse:
    """One of the buttons beside an index."""
    base = services.knowledge_bases.get(base_name)
    switch = services.changeover.switch
    if what is Act.COMPARE:
        services.changeover.compare(base, index)
        return RedirectResponse(compare_address(base.name, index), status_code=303)
    if what is Act.RESUME:
        services.changeover.resume(base, index)
        wake_worker(request)
    elif what is Act.REVERT:
        index = switch.revert(base.id, without)
    else:
        verbs: dict[Act, Callable[[int, int], object]] = {
            Act.PROMOTE: partial(switch.promote, without=without),
            Act.DROP: switch.drop,
            Act.PAUSE: switch.pause,
            Act.UNSCHEDULE: partial(switch.schedule, margin=None),
        }
        verbs[what](base.id, index)
    return _back(base.name, what, index)


def _number(said: str, what: str) -> int | None:
    if not said.strip():
        return None
    if not said.strip().isdecimal() or len(said) > 6:  # noqa: PLR2004 - far more than any
        raise InvalidRequest(f"{what} is {said[:40]!r}, which is no number.", remedy="Type digits.")
    return int(said)


def _margin(said: str) -> float | None:
    if not said.strip():
        return None
    try:
        margin = float(said)
    except ValueError:
        margin = -1.0
    if not 0 <= margin <= 1:
        raise InvalidRequest(
            f"An index cannot be worse by {said[:40]!r}.", remedy="Type a figure from 0 to 1."
        )
    return margin


def _back(base: str, done: str, index: int) -> RedirectResponse:
    there = address("/indexes", ("knowledge-base", base), ("done", done), ("index", index))
    return RedirectResponse(there, status_code=303)


def _differs(active: Index | None, wanted: Recipe | None) -> bool:
    return active is not None and wanted is not None and active.recipe != wanted
