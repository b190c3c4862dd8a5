"""The pages that people see."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from app.config import project_folder


def install(app: FastAPI) -> None:
    app.mount("/static", StaticFiles(directory=project_folder() / "static"), name="static")
