"""`model`: embedding models beside that of the settings, tried, added and removed."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import results, say, shown_name, write_json
from app.cli.exits import ExitCode
from app.cli.opening import open_everything
from app.errors import InvalidRequest

if TYPE_CHECKING:
    from app.embedding.added_models import NewModel
    from app.indexes.keeping_models import Tried

program = typer.Typer(
    help="Add, test and remove embedding models beside that of the settings.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="The model's name, as its provider calls it.")]
Provider = Annotated[
    str | None,
    typer.Option(help="OpenAI, Ollama, NanoGPT or another that is known: for its address."),
]
Base = Annotated[str | None, typer.Option(help="The provider's address, which often ends in /v1.")]
WithKey = Annotated[
    bool, typer.Option("--key", help="Ask for the provider's key, or read it from a pipe.")
]
Price = Annotated[str, typer.Option(help="US dollars for a million tokens.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BY = "the command line"


@program.command(name="list")
def list_models(*, as_json: AsJson = False) -> None:
    """List the added models by name: where each is served, and whether it has a key."""
    with open_everything() as services:
        models = services.added.models.list()
    if as_json:
        write_json({"models": [{**asdict(m), "added_at": m.added_at.isoformat()} for m in models]})
        return
    for model in models:
        key = "with a key" if model.has_key else "without a key"
        results().print(f"{shown_name(model.name)}  {shown_name(model.api_base)}  {key}")
    if not models:
        say("No model has been added.")


@program.command(name="test")
def try_model(
    name: Name,
    *,
    provider: Provider = None,
    base: Base = None,
    key: WithKey = False,
    price: Price = "",
    as_json: AsJson = False,
) -> None:
    """Ask a model for a few vectors: one at an address, or one that was added.

    The exit code is 1 if it cannot be used.
    """
    anew = provider is not None or base is not None
    asked = _asked(name, provider, base, price, with_key=key) if anew else None
    with open_everything() as services:
        keeping = services.keeping_models
        tried = keeping.try_added(name) if asked is None else keeping.try_new(asked)
    _conclude(tried, as_json=as_json)


@program.command()
def add(
    name: Name,
    *,
    provider: Provider = None,
    base: Base = None,
    key: WithKey = False,
    price: Price = "",
    as_json: AsJson = False,
) -> None:
    """Test a model, and keep it if it can be used; its key is kept encrypted.

    The exit code is 1 if it cannot be used.
    """
    asked = _asked(name, provider, base, price, with_key=key)
    with open_everything() as services:
        tried = services.keeping_models.add(asked)
        if tried.found.problem is None:
            services.audit.note(BY, "add_model", f"{asked.name} at {asked.api_base}")
    _conclude(tried, as_json=as_json)
    say(f"Added {asked.name}: `tidemark index build --model openai/{asked.name}` builds with it.")


@program.command()
def remove(name: Name) -> None:
    """Forget a model and its key; refused while an index needs it."""
    with open_everything() as services:
        services.keeping_models.remove(name)
        services.audit.note(BY, "remove_model", name)
    say(f"Removed {name}.")


def _asked(
    name: str, provider: str | None, base: str | None, price: str, *, with_key: bool
) -> NewModel:
    from pydantic import SecretStr

    from app.embedding.added_models import NewModel, checked
    from app.indexes.keeping_models import dollars_of

    api_base = base or _base_of(provider)
    asked = NewModel(name, api_base, None, dollars_of(price))
    checked(asked)  # before a key is asked for
    return NewModel(name, api_base, SecretStr(_key()), asked.price) if with_key else asked


def _base_of(provider: str | None) -> str:
    from app.embedding.providers import ENTRIES

    known = {entry.provider.name.casefold(): entry.provider for entry in ENTRIES}
    found = known.get((provider or "").casefold())
    if found is None:
        names = ", ".join(each.name for each in known.values() if "<" not in each.base)
        raise InvalidRequest(
            "No provider of that name is known." if provider else "Nobody is named to ask.",
            remedy=f"Give --base with its address, or --provider: {names}.",
        )
    return found.base


def _conclude(tried: Tried, *, as_json: bool) -> None:
    found = tried.found
    if as_json:
        write_json({**asdict(found), "price": tried.price})
    elif found.problem is None:
        price = "an unknown price" if tried.price is None else f"${tried.price:g}"
        results().print(
            f"{shown_name(found.model)}, served by {found.provider}: {found.width:,} wide, "
            f"{found.question_ms:,.0f} ms a question, {found.texts_a_second:,.0f} short texts a "
            f"second, {price} for a million tokens."
        )
    else:
        say(f"It cannot be used: {found.problem} {found.remedy}")
    if found.problem is not None:
        raise typer.Exit(ExitCode.FAILED)


def _key() -> str:
    """Typed unseen, or the first line of a pipe. Never an argument, which others can see."""
    if sys.stdin.isatty():
        return str(typer.prompt("The provider's key", hide_input=True))
    line = sys.stdin.readline().strip()
    if not line:
        raise InvalidRequest("No key was given.", remedy="Pipe it, or use a terminal.")
    return line
