"""`user`: who may sign in, made and changed on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.console import asked_in_secret, results, say, shown_name, write_json
from app.cli.opening import open_everything

program = typer.Typer(help="Make and change users, and say what they may do.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The user's name.")]
BY = "the command line"


@program.command()
def create(
    name: Name,
    *,
    administrator: Annotated[
        bool, typer.Option("--administrator", help="May do everything, everywhere.")
    ] = False,
    without_password: Annotated[
        bool,
        typer.Option(
            "--without-password",
            help="Signs in by the OpenID provider alone; the name is their e-mail address.",
        ),
    ] = False,
) -> None:
    """Make a user. The password is asked for, or read from a pipe."""
    password = None if without_password else _password()
    with open_everything() as services:
        user = services.users.create(name, password, administrator=administrator)
        services.audit.note(BY, "create_user", user.name)
    say(f"Made the user {user.name}.")


@program.command(name="list")
def list_users(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the users, and what each may do."""
    with open_everything() as services:
        grants = services.users.grants()
        names = {base.id: base.name for base, _ in services.knowledge_bases.list()}
        users = services.users.list()
    shown = [
        {
            "name": user.name,
            "administrator": user.administrator,
            "disabled": user.disabled,
            "roles": {
                names[base]: role.name.lower()
                for base, role in grants.get(user.id, {}).items()
                if base in names
            },
        }
        for user in users
    ]
    if as_json:
        write_json({"users": shown})
        return
    for user, each in zip(users, shown, strict=True):
        held = grants.get(user.id, {}).items()
        roles = ", ".join(f"{role.name.lower()} in {names[b]}" for b, role in held if b in names)
        what = "administrator" if user.administrator else roles or "nothing yet"
        results().print(f"{shown_name(user.name)}  {'disabled' if each['disabled'] else what}")
    if not users:
        say("There is no user.")


@program.command()
def password(name: Name) -> None:
    """Set a user's password, and sign them out everywhere."""
    secret = _password()
    with open_everything() as services:
        user = services.users.by_name(name)
        services.users.set_password(user.id, secret)
        services.audit.note(BY, "set_password", user.name)
    say(f"Set the password of {user.name}.")


@program.command()
def grant(
    name: Name,
    knowledge_base: Annotated[str, typer.Argument(help="The knowledge base's name.")],
    role: Annotated[str, typer.Argument(help="reader, editor, administrator or none.")],
) -> None:
    """Give a user a role in a knowledge base, in place of the one they have."""
    with open_everything() as services:
        from app.access.rights import role_of

        user = services.users.by_name(name)
        base = services.knowledge_bases.get(knowledge_base)
        services.users.grant(user.id, base.id, role_of(role))
        services.audit.note(BY, "set_role", f"{user.name}: {role} in {base.name}")
    say(f"{user.name} is {role} in {base.name}." if role != "none" else f"{user.name} has no role.")


@program.command()
def disable(name: Name) -> None:
    """Let a user in no more: sessions and API keys end at once."""
    _set_disabled(name, disabled=True)


@program.command()
def enable(name: Name) -> None:
    """Let a disabled user in again."""
    _set_disabled(name, disabled=False)


def _set_disabled(name: str, *, disabled: bool) -> None:
    with open_everything() as services:
        user = services.users.by_name(name)
        services.users.set_disabled(user.id, disabled=disabled)
        services.audit.note(BY, "disable_user" if disabled else "enable_user", user.name)
    say(f"{user.name} {'may not sign in any more' if disabled else 'may sign in again'}.")


def _password() -> str:
    """Typed twice, unseen; or the first line of a pipe. Never an argument, which others can see."""
    return asked_in_secret("Password", twice=True)
