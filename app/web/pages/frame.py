"""What surrounds every page: where one is, which knowledge base is chosen, the page's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse

from app.access.callers import Caller
from app.access.rights import Role
from app.documents.model import KnowledgeBase
from app.errors import KnowledgeBaseNotFound
from app.services import FIRST_KNOWLEDGE_BASE
from app.web.addresses import address
from app.web.pages.wording import count
from app.web.rendering import render
from app.web.wiring import Wired

PLACES = (
    ("Search", "/"),
    ("Ask", "/ask"),
    ("Documents", "/documents"),
    ("Indexes", "/indexes"),
    ("Quality", "/quality"),
    ("Status", "/status"),
)


@dataclass(frozen=True)
class Option:
    """One knowledge base in the list to choose from."""

    name: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Chosen:
    """The knowledge base that a page is about, and those that it could be about."""

    base: KnowledgeBase
    documents: int
    """How many of its documents can be read."""
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Place:
    """One of the pages in the navigation."""

    name: str
    address: str
    here: bool


@dataclass(frozen=True)
class Frame:
    """`json` is the address of what the page shows, as data."""

    title: str
    places: tuple[Place, ...]
    json: str


def chosen(
    services: Wired, name: Annotated[str | None, Query(alias="knowledge-base")] = None
) -> Chosen:
    """The named knowledge base, or the first that the request may be about.

    Raises:
        KnowledgeBaseNotFound: it is not there for the caller.
        NotAllowed: the request needs a greater role in it.
    """
    bases = services.knowledge_bases.list() or ((services.first_knowledge_base(), 0),)
    counts = {base.name: (base, documents) for base, documents in bases}
    names = [base.name for base, _ in bases if services.sight.suffices(base.id)] or [*counts]
    wanted = name or (FIRST_KNOWLEDGE_BASE if FIRST_KNOWLEDGE_BASE in names else names[0])
    if wanted not in counts:
        raise KnowledgeBaseNotFound(
            f"There is no knowledge base named {wanted[:80]!r}.",
            remedy="Choose one of those on the search page.",
        )
    base, documents = counts[wanted]
    services.sight.check(base.id, KnowledgeBaseNotFound(f"{wanted[:80]!r} is not there."))
    options = tuple(
        Option(each, f"{each} ({count(counts[each][1], 'document')})", each == wanted)
        for each in names
    )
    return Chosen(base, documents, options)


ChosenBase = Annotated[Chosen, Depends(chosen)]


def frame(title: str, here: str, base: str | None, json: str) -> Frame:
    """The frame of the page at `here`; the other places keep to the same knowledge base."""
    kept = None if base == FIRST_KNOWLEDGE_BASE else base
    places = tuple(
        Place(name, address(path, ("knowledge-base", kept)), path == here) for name, path in PLACES
    )
    return Frame(title, places, json)


def show(
    request: Request,
    template: str,
    around: Frame,
    *,
    status_code: int = 200,
    base: KnowledgeBase | None = None,
    **view: Any,  # noqa: ANN401 - what the template shows
) -> HTMLResponse:
    """The page; `base` is what it is about where none is `chosen` on it.

    What a reader may not do in it is not shown to them: the style sheet knows by the `role`.
    """
    named = view.get("chosen")
    about = named.base if isinstance(named, Chosen) else base
    role = _lesser_role(request, about) if about else ""
    return render(request, template, status_code=status_code, frame=around, role=role, **view)


def _lesser_role(request: Request, base: KnowledgeBase) -> str:
    """The style of the caller's role there; nothing for an administrator, who may do all."""
    caller: Caller | None = getattr(request.state, "caller", None)
    role = caller.roles.get(base.id) if caller and caller.roles is not None else None
    return "" if role is None or role is Role.ADMINISTRATOR else f"as-{role.name.lower()}"
