"""A page on which a chat model is tried before it is put into the settings."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from pydantic import SecretStr

from app.access.rights import Right
from app.answering.generator import NO_KEY, ChatModel
from app.answering.preflight import tried
from app.config import Settings
from app.errors import InvalidSetting, TidemarkError
from app.web.access import needs
from app.web.pages.frame import frame, show
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

PATH = "/status/chat-model"


@router.get(PATH)
@needs(Right.ADMIN)
def chat_model_page(request: Request, services: Wired) -> HTMLResponse:
    settings = services.settings
    return _page(request, settings, settings.chat_model or "", settings.chat_api_base or "")


@router.post(PATH)
@needs(Right.ADMIN)
def try_chat_model(
    request: Request,
    services: Wired,
    *,
    model: Annotated[str, Form(max_length=300)],
    api_base: Annotated[str, Form(alias="api-base", max_length=500)] = "",
    api_key: Annotated[SecretStr | None, Form(alias="api-key")] = None,
) -> HTMLResponse:
    """Ask the model for a word, and say what is wrong with its name, its address or its key."""
    settings = services.settings
    name, base = model.strip(), api_base.strip().rstrip("/")
    try:
        if base and not base.startswith(("http://", "https://")):
            raise InvalidSetting(
                "The address has no scheme.", remedy="It begins with http:// or https://."
            )
        typed = api_key.get_secret_value().strip() if api_key else ""
        key = _key(settings, base, typed)
        found = tried(ChatModel(name, base or None, SecretStr(key)))
    except TidemarkError as refused:
        return _page(request, settings, name, base, error=refused)
    return _page(request, settings, name, base, found=found)


def _key(settings: Settings, base: str, typed: str) -> str:
    """The key that was typed; without one the key that is set, but for its own endpoint only."""
    if typed:
        return typed
    if settings.chat_api_key is not None and base == (settings.chat_api_base or ""):
        return settings.chat_api_key.get_secret_value()
    return NO_KEY


def _page(
    request: Request,
    settings: Settings,
    model: str,
    api_base: str,
    *,
    found: str = "",
    error: TidemarkError | None = None,
) -> HTMLResponse:
    lines = [f"TIDEMARK_CHAT_MODEL={model}"]
    lines += [f"TIDEMARK_CHAT_API_BASE={api_base}"] if api_base else []
    lines.append("TIDEMARK_CHAT_API_KEY=(the key that you typed, if any)")
    return show(
        request,
        "chat_model.html",
        frame("Try a chat model", "/status", None, "/status.json"),
        status_code=422 if error else 200,
        model=model,
        api_base=api_base,
        has_key=settings.chat_api_key is not None,
        found=found,
        lines=lines,
        error=error,
    )
