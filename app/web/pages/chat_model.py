"""A page on which a chat model is tried, and chosen where the settings name none."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import SecretStr

from app.access.rights import Right
from app.answering.chat_model import NO_KEY, ChatModel
from app.answering.chosen import Chosen
from app.answering.preflight import tried
from app.errors import InvalidSetting, TidemarkError
from app.services import Services
from app.web.access import needs
from app.web.pages.frame import frame, show
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

PATH = "/status/chat-model"
LONGEST_MODEL, LONGEST_ADDRESS, LONGEST_KEY = 300, 500, 1000  # characters


@router.get(PATH)
@needs(Right.ADMIN)
def chat_model_page(request: Request, services: Wired) -> HTMLResponse:
    settings = services.chosen_model.settings_in_use()
    return _page(request, services, settings.chat_model or "", settings.chat_api_base or "")


@router.post(PATH)
@needs(Right.ADMIN)
def try_chat_model(
    request: Request,
    services: Wired,
    *,
    model: Annotated[str, Form(max_length=LONGEST_MODEL)],
    api_base: Annotated[str, Form(alias="api-base", max_length=LONGEST_ADDRESS)] = "",
    api_key: Annotated[SecretStr | None, Form(alias="api-key", max_length=LONGEST_KEY)] = None,
    use: Annotated[bool, Form()] = False,
) -> HTMLResponse:
    """Ask the model for a word, and say what is wrong with its name, its address or its key.

    With `use`, answers are written by it from now on, if nothing is.
    """
    name, base = model.strip(), api_base.strip().rstrip("/")
    try:
        if base and not base.startswith(("http://", "https://")):
            raise InvalidSetting(
                "The address has no scheme.", remedy="It begins with http:// or https://."
            )
        if use and services.settings.chat_model is not None:
            raise InvalidSetting(
                "The settings name the chat model.",
                remedy="Take TIDEMARK_CHAT_MODEL out of them, and start Tidemark again.",
            )
        typed = api_key.get_secret_value().strip() if api_key else ""
        key = SecretStr(typed) if typed else services.chosen_model.key_for(name, base or None)
        found = tried(ChatModel(name, base or None, key or SecretStr(NO_KEY)))
        if use:
            services.chosen_model.choose(name, base or None, key)
            request.state.deed, request.state.subject = "choose_chat_model", name
    except TidemarkError as refused:
        return _page(request, services, name, base, error=refused)
    return _page(request, services, name, base, found=found)


@router.post(f"{PATH}/none")
@needs(Right.ADMIN)
def forget_chat_model(services: Wired) -> RedirectResponse:
    """Answer with extracts again."""
    services.chosen_model.forget()
    return RedirectResponse(PATH, status_code=303)


def _page(
    request: Request,
    services: Services,
    model: str,
    api_base: str,
    *,
    found: str = "",
    error: TidemarkError | None = None,
) -> HTMLResponse:
    settings, chosen = services.settings, services.chosen_model.chosen()
    lines = [f"TIDEMARK_CHAT_MODEL={model}"]
    lines += [f"TIDEMARK_CHAT_API_BASE={api_base}"] if api_base else []
    lines.append("TIDEMARK_CHAT_API_KEY=(the key that you typed, if any)")
    return show(
        request,
        "chat_model.html",
        frame("Chat model", "/status", None, "/status.json"),
        status_code=422 if error else 200,
        model=model,
        api_base=api_base,
        by_settings=settings.chat_model,
        chosen=chosen,
        in_use=chosen == Chosen(model, api_base or None, chosen.has_key) if chosen else False,
        has_key=settings.chat_api_key is not None or (chosen is not None and chosen.has_key),
        found=found,
        lines=lines,
        error=error,
    )
