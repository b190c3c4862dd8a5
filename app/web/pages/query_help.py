"""What helps with questions, on the pages: saved searches, and a knowledge base's synonyms."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.access.rights import Right
from app.errors import InvalidRequest
from app.web.access import needs
from app.web.addresses import address, api_address, search_address
from app.web.pages.frame import ChosenBase, frame, show
from app.web.search_params import params_of
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

Base = Annotated[str, Form(alias="knowledge-base")]


@router.get("/synonyms")
@needs(Right.READ)
def synonyms_page(request: Request, found: ChosenBase, *, saved: int = 0) -> HTMLResponse:
    """The knowledge base's synonyms, a group in each line."""
    base = found.base
    return show(
        request,
        "synonyms.html",
        frame("Synonyms", "/synonyms", base.name, api_address(base.name, "synonyms")),
        chosen=found,
        lines="\n".join(", ".join(group) for group in base.synonyms),
        saved=saved,
    )


@router.post("/synonyms")
@needs(Right.WRITE)
def keep_synonyms(
    services: Wired, base: Base, synonyms: Annotated[str, Form()] = ""
) -> RedirectResponse:
    """Let these be the knowledge base's synonyms: a group in each line, with commas."""
    groups = (line.split(",") for line in synonyms.splitlines())
    services.knowledge_bases.set_synonyms(base, groups)
    shown = address("/synonyms", ("knowledge-base", base), ("saved", 1))
    return RedirectResponse(shown, status_code=303)


@router.post("/searches")
@needs(Right.WRITE)
def save_search(
    services: Wired,
    base: Base,
    name: Annotated[str, Form()] = "",
    parameters: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Keep a search under a name, for everybody who may read the knowledge base."""
    known = services.knowledge_bases.get(base)
    try:
        params = params_of(parameters)
    except ValueError as refused:
        raise InvalidRequest("That is no search.", remedy="Search first, then save.") from refused
    services.saved_searches.save(known.id, name or params.q[:80], params.encoded())
    return RedirectResponse(search_address(base, *params.pairs()), status_code=303)


@router.post("/searches/delete")
@needs(Right.WRITE)
def delete_search(
    services: Wired, base: Base, search: Annotated[int, Form(ge=1, le=2**53 - 1)]
) -> RedirectResponse:
    services.saved_searches.delete(services.knowledge_bases.get(base).id, search)
    return RedirectResponse(search_address(base), status_code=303)
