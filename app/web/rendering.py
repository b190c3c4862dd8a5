"""Templates → pages. Autoescape is on for all of them: documents' and models' words are data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.config import project_folder

TEMPLATES: Path = project_folder() / "templates"

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    **context: Any,  # noqa: ANN401 - what a template shows
) -> HTMLResponse:
    viewer = getattr(request.state, "caller", None)  # nobody on pages that are open
    page = environment.get_template(template).render(request=request, viewer=viewer, **context)
    return HTMLResponse(page, status_code=status_code)
