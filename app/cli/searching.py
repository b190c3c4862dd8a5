"""`search`: a question, and the passages nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import results, say, shown, shown_name, write_json
from app.cli.knowledge_base import find_knowledge_base
from app.cli.opening import open_everything
from app.errors import DocumentNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from app.documents.model import KnowledgeBase
    from app.retrieval.passage import Passage
    from app.services import Services

DocumentNames = Annotated[
    list[str] | None,
    typer.Option("--document", "-d", help="Only this document, by its name; may be repeated."),
]

KnowledgeBaseNames = Annotated[
    list[str] | None,
    typer.Option(
        "--knowledge-base",
        "-k",
        help="The knowledge base; `default` unless given. Repeated, all of them at once.",
    ),
]


def add_commands(program: typer.Typer) -> None:
    program.command()(search)


def search(
    question: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for, in words.")],
    *,
    top_k: Annotated[int, typer.Option("--top-k", "-n", help="How many passages, up to 200.")] = 10,
    document: DocumentNames = None,
    mode: Annotated[
        str, typer.Option("--mode", "-m", help="hybrid, vector (meaning) or keyword (words).")
    ] = "hybrid",
    knowledge_base: KnowledgeBaseNames = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Search all knowledge bases at once.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the passages as the API's JSON.")
    ] = False,
) -> None:
    """Search, and show the best passages with their document, section and page.

    "Words in quotes" must stand together; -word may not stand in a passage; name:guide, type:pdf,
    section:tides, after:2026-01-31 and before:2026-12-31 are filters.
    """
    from app.retrieval.query import Mode, Query, checked
    from app.retrieval.query_syntax import typed_query

    if mode not in list(Mode):
        raise typer.BadParameter(f"It is one of: {', '.join(Mode)}.", param_hint="--mode")
    checked(typed_query(question), top_k)  # before anything is started
    with open_everything() as services:
        bases = searched(services, knowledge_base, everywhere=everywhere)
        ids = documents_in(services, bases, document)
        query = typed_query(question, Query("", ids, Mode(mode)))
        retrieval = services.retriever.retrieve_across(bases, query, top_k)
    for problem in retrieval.problems:
        say(shown(problem))
    if as_json:
        from app.web.api.passage import AcrossShape, RetrievalShape

        alone = len(bases) == 1
        told = RetrievalShape.of(retrieval) if alone else AcrossShape.of_several(retrieval, bases)
        write_json(told.model_dump(mode="json"))
        return
    for passage in retrieval.passages:
        _show(passage, query.text)
    if not retrieval.passages:
        narrowed = query.filter or query.phrases or query.without or query.document_ids
        if narrowed:
            say("No passage meets all of that. Leave out a filter, or the quotes.")
            return
        named = " and ".join(base.name for base in bases)
        say(f"The knowledge base {named} has no passage to show. `tidemark ingest` adds some.")


def searched(
    services: Services, names: list[str] | None, *, everywhere: bool
) -> tuple[KnowledgeBase, ...]:
    """The knowledge bases of those names, or all; the first there is where none is named."""
    if everywhere:
        listed = tuple(base for base, _ in services.knowledge_bases.list())
        return listed or (services.first_knowledge_base(),)
    wanted = dict.fromkeys(names) if names else [None]
    return tuple(find_knowledge_base(services, name) for name in wanted)


def documents_in(
    services: Services, bases: Sequence[KnowledgeBase], names: list[str] | None
) -> tuple[int, ...]:
    """The ids of the documents of those names, each in one at least of the knowledge bases."""
    found: list[int] = []
    for name in names or ():
        missing: DocumentNotFound | None = None
        of_name: tuple[int, ...] = ()
        for base in bases:
            try:
                of_name += document_ids(services, base, [name])
            except DocumentNotFound as not_there:
                missing = not_there
        if missing is not None and not of_name:
            raise missing
        found += of_name
    return tuple(found)


def document_ids(
    services: Services, base: KnowledgeBase, names: list[str] | None
) -> tuple[int, ...]:
    """The ids of the documents of those names.

    Raises:
        DocumentNotFound: the knowledge base has no document of one of the names.
    """
    return tuple(services.documents.by_name(base.id, name).id for name in names or ())


def place(passage: Passage) -> str:
    """Where a passage stands: its document, section and page; of several knowledge bases, which."""
    page = f"page {passage.page}" if passage.page is not None else ""
    parts = (passage.knowledge_base, passage.document_name, " > ".join(passage.section_path), page)
    return " · ".join(shown_name(part) for part in parts if part)


def _show(passage: Passage, question: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    heading = Text(f"{passage.rank}. ", style="bold")
    heading.append(place(passage), style="bold")
    heading.append(f"  {passage.score:.3f}", style="dim")
    results().print(heading)
    body = _marked(passage.text, question, passage.language)
    if results().is_terminal:
        results().print(Padding(body, (0, 0, 1, 3)), soft_wrap=False)
    else:
        results().print("\n".join(f"   {line}" for line in body.plain.split("\n")) + "\n")


def _marked(text: str, question: str, language: str) -> Text:
    """The text with the question's words in bold."""
    from rich.text import Text

    from app.retrieval.matches import matches

    marked, done = Text(), 0
    for start, end in matches(question, text, language):
        marked.append(shown(text[done:start]))
        marked.append(shown(text[start:end]), style="bold yellow")
        done = end
    return marked.append(shown(text[done:]))
