"""`document`: its revisions, another name for it, deleting it and bringing it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import results, say, shown, shown_name, write_json
from app.cli.knowledge_base import KnowledgeBaseName, find_knowledge_base
from app.cli.opening import open_everything
from app.errors import DocumentNotFound, RevisionNotFound

if TYPE_CHECKING:
    from app.documents.difference import Line
    from app.documents.model import KnowledgeBase, Revision
    from app.ingestion.restoration import DeletedDocument
    from app.services import Services

program = typer.Typer(
    help="See a document's revisions; rename, delete or bring back documents.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The document's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]

SIGNS = {"same": (" ", "dim"), "removed": ("-", "red"), "added": ("+", "green")}


@program.command()
def history(
    name: Name, *, knowledge_base: KnowledgeBaseName = None, as_json: AsJson = False
) -> None:
    """List a document's revisions, newest first."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        document = services.documents.by_name(base.id, name)
        revisions = services.documents.revisions(document.id)
        if as_json:
            described = [_described(each, document.current_revision_id) for each in revisions]
            write_json({"document": name, "revisions": described})
            return
        for each in revisions:
            here = "  current" if each.id == document.current_revision_id else ""
            results().print(
                f"{each.number:>5}  {each.created_at:%Y-%m-%d %H:%M}  {each.size:>12,} bytes  "
                f"{each.characters or 0:>12,} characters{here}"
            )


@program.command()
def difference(
    name: Name,
    *,
    old: Annotated[
        int | None, typer.Option("--from", help="A revision's number; the one before --to.")
    ] = None,
    new: Annotated[
        int | None, typer.Option("--to", help="A revision's number; the current one.")
    ] = None,
    knowledge_base: KnowledgeBaseName = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between the texts of two revisions."""
    with open_everything() as services:
        from app.documents.comparing import compare

        base = find_knowledge_base(services, knowledge_base)
        document = services.documents.by_name(base.id, name)
        ids = {each.number: each.id for each in services.documents.revisions(document.id)}
        for number in (old, new):
            if number is not None and number not in ids:
                raise RevisionNotFound(
                    f"{name[:80]!r} has no revision {number} that can be read.",
                    remedy=f"There are: {', '.join(map(str, sorted(ids)))}.",
                )
        compared = compare(
            services.documents,
            document.id,
            None if old is None else ids[old],
            None if new is None else ids[new],
        )
        found = compared.difference
        if as_json:
            stretches = [[asdict(line) for line in stretch] for stretch in found.stretches]
            pair = {"from": compared.old.number, "to": compared.new.number}
            counts = {"added": found.added, "removed": found.removed}
            write_json({"document": name, **pair, **counts, "stretches": stretches})
            return
        for stretch in found.stretches:
            results().print(f"@@ {stretch[0].old or stretch[0].new} @@", style="dim")
            for line in stretch:
                _show(line)
        say(
            f"Revision {compared.old.number} to {compared.new.number}: "
            f"{found.added:,} lines added, {found.removed:,} removed."
        )


@program.command()
def rename(
    name: Name,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="Its name from now on.")],
    *,
    knowledge_base: KnowledgeBaseName = None,
) -> None:
    """Give a document another name; it keeps its revisions, tags and metadata."""
    from app.documents.names import document_name

    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        document = services.documents.by_name(base.id, name)
        wanted = document_name(new_name)
        services.renaming.rename(document.id, wanted)
        say(f"{shown_name(name)} is {shown_name(wanted)} now.")


@program.command()
def delete(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Documents' names.")],
    *,
    knowledge_base: KnowledgeBaseName = None,
) -> None:
    """Delete documents: they leave every search at once, and can be brought back for some days."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        documents = [services.documents.by_name(base.id, name) for name in names]
        for document in documents:
            services.deletion.delete(document.id)
            say(f"Deleted {shown_name(document.name)}.")
        if days := services.settings.keep_deleted_days:
            say(f"For {days} days, `tidemark document restore` brings them back.")


@program.command()
def deleted(*, knowledge_base: KnowledgeBaseName = None, as_json: AsJson = False) -> None:
    """List the deleted documents that can be brought back."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        found = list(_all_deleted(services, base))
        if as_json:
            write_json(
                {
                    "knowledge_base": base.name,
                    "deleted": [
                        {
                            "id": each.id,
                            "name": each.name,
                            "deleted_at": each.deleted_at.isoformat(),
                            "kept_until": each.kept_until.isoformat(),
                        }
                        for each in found
                    ],
                }
            )
            return
        for each in found:
            results().print(f"{each.kept_until:%Y-%m-%d %H:%M}  {shown_name(each.name)}")
        if not found:
            say("There is none.")


@program.command()
def restore(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Deleted documents.")],
    *,
    as_name: Annotated[
        str | None, typer.Option("--as", help="Another name for it, where its own is taken.")
    ] = None,
    knowledge_base: KnowledgeBaseName = None,
) -> None:
    """Bring deleted documents back, as they were; of several of one name, the last deleted."""
    from app.documents.names import document_name

    if as_name is not None and len(names) > 1:
        raise typer.BadParameter("--as goes with one document.")
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        kept = {each.name: each for each in reversed(list(_all_deleted(services, base)))}
        for name in names:
            if name not in kept:
                raise DocumentNotFound(
                    f"There is no deleted document named {name[:80]!r}.",
                    remedy="`tidemark document deleted` lists those that can be brought back.",
                )
        for name in names:
            wanted = None if as_name is None else document_name(as_name)
            restored = services.restoration.restore(base, kept[name].id, wanted)
            later = ", and is found again once a worker has been at it" if restored.job_ids else ""
            say(f"{shown_name(restored.document_name)} is back{later}.")


def _all_deleted(services: Services, base: KnowledgeBase) -> list[DeletedDocument]:
    found: list[DeletedDocument] = []
    while some := services.restoration.deleted(base, offset=len(found), limit=1000):
        found += some
    return found


def _described(revision: Revision, current: int | None) -> dict[str, object]:
    return {
        "id": revision.id,
        "number": revision.number,
        "created_at": revision.created_at.isoformat(),
        "content_hash": revision.content_hash,
        "size": revision.size,
        "characters": revision.characters,
        "current": revision.id == current,
    }


def _show(line: Line) -> None:
    from rich.text import Text

    sign, style = SIGNS[line.kind]
    printed = Text(f"{sign} ", style=style)
    for piece in line.pieces:
        printed.append(shown(piece.text), style=f"{style} reverse" if piece.changed else style)
    results().print(printed)
