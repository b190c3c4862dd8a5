"""The map of a knowledge base's documents, and what can be told from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.errors import InvalidRequest, TidemarkError
from app.mapping.document_map import DocumentMap, Spot
from app.mapping.maps import Drawing
from app.services import Services
from app.web.access import needs
from app.web.addresses import api_address, search_address
from app.web.api.document_map import alike
from app.web.pages.frame import ChosenBase, frame, show
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

WIDTH, HEIGHT, MARGIN = 880, 560, 40
ABOVE = 16  # its documents stands the name of a cluster
SIDE = 0.2  # of the map's width, where a name must not go on outwards
MOST_NAMED = 100  # documents of a cluster, and of each other list
COLOURS = 6  # that are told apart on the map


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    colour: int
    strange: bool
    title: str
    address: str


@dataclass(frozen=True)
class Named:
    """A document in a list, and what is said of it."""

    title: str
    address: str
    said: str = ""


@dataclass(frozen=True)
class Group:
    number: int
    name: str
    count: int
    x: float
    y: float
    anchor: str
    """Which end of the name stands at `x`, so that it stays on the map."""
    search: str
    documents: tuple[Named, ...]


@dataclass(frozen=True)
class View:
    width: int
    height: int
    dots: tuple[Dot, ...]
    groups: tuple[Group, ...]
    outliers: tuple[Named, ...]
    twins: tuple[tuple[Named, Named, str], ...]
    left_out: int


@dataclass(frozen=True)
class Classes:
    """What the unlabelled documents are, and how far that can be trusted."""

    trust: str
    documents: tuple[Named, ...]


@router.get("/map")
@needs(Right.READ)
def map_page(
    request: Request,
    services: Wired,
    found: ChosenBase,
    *,
    by: Annotated[str | None, Query(max_length=64)] = None,
    one: Annotated[str, Query(max_length=8_000)] = "",
    other: Annotated[str, Query(max_length=8_000)] = "",
) -> HTMLResponse:
    """`by` is what unlabelled documents are classified by; `one` and `other` are compared."""
    base = found.base
    index = services.indexes.active(base.id)
    drawing = None if index is None else services.maps.look(index)
    likeness, classes, error = None, None, None
    try:
        if one.strip() or other.strip():
            likeness = f"{alike(services, base, one, other):.2f}"
        if by is not None and drawing is not None:
            classes = _classes(services, drawing, by)
    except TidemarkError as refused:
        error = refused
    return show(
        request,
        "map.html",
        frame("Map", "/map", base.name, api_address(base.name, "map")),
        status_code=error.status_code if error else 200,
        chosen=found,
        view=_view(base, drawing.map) if drawing and drawing.map.spots else None,
        waiting=index is not None and drawing is None,
        by=by or "",
        one=one,
        other=other,
        likeness=likeness,
        classes=classes,
        error=error,
    )


def _view(base: KnowledgeBase, drawn: DocumentMap) -> View:
    largest = max(spot.document.chunks for spot in drawn.spots)
    groups = tuple(
        Group(
            number,
            cluster.name,
            cluster.documents,
            _at(cluster.x, 0)[0],
            _at(0, cluster.y)[1] - ABOVE,
            "start" if cluster.x < SIDE else "end" if cluster.x > 1 - SIDE else "middle",
            search_address(base.name, ("q", cluster.name.replace(",", ""))),
            tuple(_named(s) for s in drawn.spots if s.cluster == number)[:MOST_NAMED],
        )
        for number, cluster in enumerate(drawn.clusters)
    )
    return View(
        WIDTH,
        HEIGHT,
        tuple(_dot(spot, largest) for spot in drawn.spots),
        groups,
        tuple(_named(s, f"outlier factor {s.outlier:.1f}") for s in drawn.outliers)[:MOST_NAMED],
        tuple(
            (
                Named(twins.one.title, f"/documents/{twins.one.id}"),
                Named(twins.other.title, f"/documents/{twins.other.id}"),
                f"{twins.similarity:.3f}",
            )
            for twins in drawn.twins
        ),
        drawn.left_out,
    )


def _at(x: float, y: float) -> tuple[float, float]:
    return (
        round(MARGIN + x * (WIDTH - 2 * MARGIN), 1),
        round(MARGIN + y * (HEIGHT - 2 * MARGIN), 1),
    )


def _dot(spot: Spot, largest: int) -> Dot:
    """A document's dot; its area grows with the document."""
    radius = round(4 + 6 * (spot.document.chunks / largest) ** 0.5, 1)
    title = spot.document.title + (", like no other" if spot.outlier else "")
    where = f"/documents/{spot.document.id}"
    strange = spot.outlier is not None
    return Dot(*_at(spot.x, spot.y), radius, spot.cluster % COLOURS, strange, title, where)


def _named(spot: Spot, said: str = "") -> Named:
    return Named(spot.document.title, f"/documents/{spot.document.id}", said)


def _classes(services: Services, drawing: Drawing, by: str) -> Classes:
    try:
        found, checked = services.classifier.unlabelled(drawing, by.strip())
    except InvalidRequest as nothing:
        return Classes(f"{nothing.message} {nothing.remedy}", ())
    return Classes(
        f"Of the {checked.labelled} labelled documents, the others would give {checked.right} one "
        "of their own labels.",
        tuple(
            Named(
                document.title,
                f"/documents/{document.id}",
                ", ".join(f"{guess.label} {guess.share:.0%}" for guess in classified.guesses[:3]),
            )
            for document, classified in found[:MOST_NAMED]
        ),
    )
