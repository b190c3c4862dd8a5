"""Style, scripts and the icon: files as they are, asked for again only when they changed."""

from __future__ import annotations

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from app.config import project_folder


class Assets(StaticFiles):
    def __init__(self) -> None:
        super().__init__(directory=project_folder() / "static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Browsers keep the files and ask whether they changed: no page meets an older script."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response
