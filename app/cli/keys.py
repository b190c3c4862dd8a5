"""`key`: the API keys that programs show, made, listed and revoked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import results, say, shown_name, write_json
from app.cli.opening import open_everything

if TYPE_CHECKING:
    from app.access.keys import ApiKey
    from app.services import Services

program = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@program.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as the program's name.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, write, embed, chat or admin; may be repeated."),
    ] = None,
    knowledge_base: Annotated[
        list[str] | None,
        typer.Option(
            "--knowledge-base", "-k", help="Only for this knowledge base; may be repeated."
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36500, help="After how many days it ends.")
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="The most requests in a minute.")
    ] = None,
    tokens_per_minute: Annotated[
        int | None, typer.Option(min=1, help="The most tokens in a minute.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print it: it is kept as a hash only, and cannot be printed again.

    From the first key on, /v1 asks for one, on this machine too.
    """
    with open_everything() as services:
        from app.access.keys import KeyLimits, NewKey, scopes_of

        bases = [services.knowledge_bases.get(each).id for each in knowledge_base or ()]
        key, secret = services.keys.create(
            NewKey(
                name,
                scopes_of(scope or ()),
                frozenset(bases) if bases else None,
                expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
                limits=KeyLimits(requests_per_minute, tokens_per_minute),
            )
        )
        services.audit.note("the command line", "create_key", f"{key.id} {key.name}")
        said = ShownKey.of(key, services)
    if as_json:
        write_json({**asdict(said), "key": secret})
        return
    results().print(secret)
    say("Keep it now: only its hash is stored, and it is not shown again.")


@program.command(name="list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List the keys, newest first, those that have ended included."""
    with open_everything() as services:
        keys = [ShownKey.of(key, services) for key in services.keys.list()]
    if as_json:
        write_json({"keys": [asdict(key) for key in keys]})
        return
    for key in keys:
        bound = key.knowledge_bases
        bases = "every knowledge base" if bound is None else ", ".join(bound)
        used = f"last used {key.last_used_at or 'never'}"
        results().print(f"{key.id}  {shown_name(key.name)}  {key.hint}…  {key.state}")
        results().print(f"    {', '.join(key.scopes)}; {bases}; {used}")
    if not keys:
        say("There is no API key.")


@program.command()
def revoke(
    key_id: Annotated[int, typer.Argument(help="The key's number, as `tidemark key list` has it.")],
) -> None:
    """End a key: the next request with it is refused, by every process."""
    with open_everything() as services:
        key = services.keys.revoke(key_id)
        services.audit.note("the command line", "revoke_key", f"{key.id} {key.name}")
    say(f"The key {key.name!r} is revoked.")


@dataclass(frozen=True)
class ShownKey:
    """A key as it may be shown: what it is bound to by name, without what is gone."""

    id: int
    name: str
    hint: str
    state: str
    scopes: list[str]
    knowledge_bases: list[str] | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None

    @classmethod
    def of(cls, key: ApiKey, services: Services) -> ShownKey:
        names = {base.id: base.name for base, _ in services.knowledge_bases.list()}
        bound = key.knowledge_bases
        return cls(
            id=key.id,
            name=key.name,
            hint=key.hint,
            state=key.state,
            scopes=sorted(key.scopes),
            knowledge_bases=None if bound is None else sorted(names[b] for b in bound & set(names)),
            requests_per_minute=key.limits.requests,
            tokens_per_minute=key.limits.tokens,
            created_at=key.created_at.isoformat(),
            expires_at=_moment(key.expires_at),
            last_used_at=_moment(key.last_used_at),
        )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
