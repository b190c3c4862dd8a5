"""Every route of the application, as it is registered: for tests that hold for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from app.access.rights import Right
from app.web.access import RIGHT, right_of


@dataclass(frozen=True)
class Registered:
    """A method of a route; `prefix` is where the application that has it stands."""

    method: str
    path: str
    name: str
    right: Right
    declared: bool
    parameters: frozenset[str]
    openai: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def registered(app: FastAPI) -> Iterator[Registered]:
    """The endpoints of the pages, the JSON API and `/v1`."""
    for openai, part in ((False, app), (True, app.state.v1)):
        for route in iter_route_contexts(part.routes):
            if not isinstance(route.original_route, APIRoute):
                continue
            path, endpoint = route.path or "", route.endpoint
            for method in sorted(route.methods or ()):
                yield Registered(
                    method,
                    path,
                    route.name or "",
                    right_of(endpoint),
                    hasattr(endpoint, RIGHT),
                    frozenset(re.findall(r"{(\w+)", path)),
                    openai,
                )


def unguarded(app: FastAPI) -> set[str]:
    """What answers without an endpoint of ours, and so without being asked for a right."""
    return {
        str(getattr(route.original_route, "path", route))
        for part in (app, app.state.v1)
        for route in iter_route_contexts(part.routes)
        if not isinstance(route.original_route, APIRoute)
    }
