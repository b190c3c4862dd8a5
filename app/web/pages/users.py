"""Users, for administrators: who may sign in, and what they are in each knowledge base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access.rights import Right, Role, role_of
from app.access.users import User
from app.errors import TidemarkError
from app.services import Services
from app.web.access import needs
from app.web.pages.frame import frame, show
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=1000)]
Action = Literal["disable", "enable", "promote", "demote", "sign-out", "password"]


@dataclass(frozen=True)
class ShownUser:
    """A user as a row of the table: what they are, where."""

    id: int
    name: str
    state: str
    roles: str


@dataclass(frozen=True)
class ShownRole:
    """The role that a user has in a knowledge base, or that they have none."""

    base: str
    role: str


@router.get("/users")
@needs(Right.ADMIN)
def users_page(request: Request, services: Wired) -> HTMLResponse:
    return _show_all(request, services)


@router.post("/users")
@needs(Right.ADMIN)
def create_user(request: Request, services: Wired, name: Text, password: Text = "") -> Response:
    request.state.subject = name[:100]
    try:
        without = services.openid is not None and not password  # they sign in there
        user = services.users.create(name, None if without else password)
    except TidemarkError as error:
        request.state.deed = None
        return _show_all(request, services, name=name, error=error)
    return RedirectResponse(f"/users/{user.id}", status_code=303)


@router.get("/users/{user_id}")
@needs(Right.ADMIN)
def user_page(request: Request, services: Wired, user_id: int) -> HTMLResponse:
    return _show_one(request, services, services.users.get(user_id))


@router.post("/users/{user_id}/role")
@needs(Right.ADMIN)
def set_role(
    request: Request,
    services: Wired,
    user_id: int,
    base: Annotated[str, Form(alias="knowledge-base")],
    role: Text,
) -> Response:
    """Give a user a role in a knowledge base, or with `none` take it."""
    request.state.subject = f"user {user_id}, {role[:20]} in {base[:64]}"
    found = services.knowledge_bases.get(base)
    services.users.grant(user_id, found.id, role_of(role))
    return RedirectResponse(f"/users/{user_id}", status_code=303)


@router.post("/users/{user_id}/state")
@needs(Right.ADMIN)
def change_user(
    request: Request,
    services: Wired,
    user_id: int,
    action: Annotated[Action, Form()],
    password: Text = "",
) -> Response:
    """Disable or enable, make an administrator or not, sign out everywhere, set a password."""
    request.state.subject = f"user {user_id}: {action}"
    users = services.users
    user = users.get(user_id)
    try:
        if action in {"disable", "enable"}:
            users.set_disabled(user_id, disabled=action == "disable")
        elif action in {"promote", "demote"}:
            users.set_administrator(user_id, administrator=action == "promote")
        elif action == "sign-out":
            services.sessions.end_all(user_id)
        else:
            users.set_password(user_id, password)
    except TidemarkError as error:
        request.state.deed = None
        return _show_one(request, services, user, error)
    return RedirectResponse(f"/users/{user_id}", status_code=303)


def _show_all(
    request: Request, services: Services, *, name: str = "", error: TidemarkError | None = None
) -> HTMLResponse:
    grants = services.users.grants()
    names = {base.id: base.name for base, _ in services.knowledge_bases.list()}

    def roles(user: User) -> str:
        if user.administrator:
            return "administrator of everything"
        held = grants.get(user.id, {})
        said = sorted(f"{held[i].name.lower()} in {n}" for i, n in names.items() if i in held)
        return ", ".join(said) or "nothing yet"

    return show(
        request,
        "users.html",
        frame("Users", "/users", None, "/api/knowledge-bases"),
        status_code=error.status_code if error else 200,
        users=tuple(
            ShownUser(each.id, each.name, "disabled" if each.disabled else "", roles(each))
            for each in services.users.list()
        ),
        asks=services.callers.asks,
        openid=services.openid,
        name=name,
        error=error,
    )


def _show_one(
    request: Request, services: Services, user: User, error: TidemarkError | None = None
) -> HTMLResponse:
    held = services.users.grants().get(user.id, {})
    return show(
        request,
        "user.html",
        frame(user.name, "/users", None, "/api/knowledge-bases"),
        status_code=error.status_code if error else 200,
        user=user,
        roles=tuple(
            ShownRole(base.name, held[base.id].name.lower() if base.id in held else "none")
            for base, _ in services.knowledge_bases.list()
        ),
        choices=("none", *(role.name.lower() for role in Role)),
        sessions=services.sessions.count(user.id),
        error=error,
    )
