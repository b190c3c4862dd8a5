"""The knowledge base that a command works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import say
from app.errors import KnowledgeBaseExists, KnowledgeBaseNotFound

if TYPE_CHECKING:
    from app.documents.model import KnowledgeBase
    from app.services import Services

KnowledgeBaseName = Annotated[
    str | None,
    typer.Option("--knowledge-base", "-k", help="The knowledge base; `default` unless given."),
]


def find_knowledge_base(services: Services, name: str | None) -> KnowledgeBase:
    """The knowledge base of that name, or the first one where none is named.

    Raises:
        KnowledgeBaseNotFound: there is none; the remedy names those that are there.
    """
    if name is None:
        return services.first_knowledge_base()
    try:
        return services.knowledge_bases.get(name)
    except KnowledgeBaseNotFound as missing:
        present = ", ".join(base.name for base, _ in services.knowledge_bases.list())
        raise KnowledgeBaseNotFound(
            missing.message,
            remedy=f"There are: {present}." if present else "`tidemark ingest` makes one.",
        ) from None


def find_or_make_knowledge_base(services: Services, name: str | None) -> KnowledgeBase:
    """As `find_knowledge_base`, and made where it is not there."""
    if name is None:
        return services.first_knowledge_base()
    try:
        return services.knowledge_bases.get(name)
    except KnowledgeBaseNotFound:
        pass
    try:
        base = services.knowledge_bases.create(name)
    except KnowledgeBaseExists:  # another process was quicker
        return services.knowledge_bases.get(name)
    say(f"Made the knowledge base {name}.")
    return base
