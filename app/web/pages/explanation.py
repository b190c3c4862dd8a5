"""The page that says why a document is among a search's results, or where it fell out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.documents.listing import Listing
from app.documents.model import Document, KnowledgeBase
from app.errors import DocumentNotFound, InvalidRequest
from app.retrieval.explaining import Explanation, Fate
from app.retrieval.passage import Passage
from app.services import Services
from app.web.access import needs
from app.web.addresses import api_address, passage_address
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.marked import Part, parts
from app.web.pages.narrowing import Asking
from app.web.pages.search import PageParams
from app.web.pages.why import Reason, heaviest, ordinal
from app.web.pages.wording import place
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

SEVERAL = 10


class AboutParams(PageParams):
    """A search, and the document that is asked about, by its name, a part of it, or its id."""

    about: str = ""


@dataclass(frozen=True)
class Best:
    """A document's best passage, with the sentence marked that is nearest to the question."""

    address: str
    section: str
    page: int | None
    words: tuple[Part, ...]
    why: tuple[Reason, ...]


@router.get("/why")
@needs(Right.READ)
def why_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    params: Annotated[AboutParams, Query()],
) -> HTMLResponse:
    base, asking = chosen.base, Asking(chosen.base.name, params)
    document = _document(services, base, params.about)
    query = params.query()
    services.documents.require([base.id], query.document_ids)
    told = services.explainer.explain(base, query, document, params.top_k)
    return show(
        request,
        "why.html",
        frame(
            "Why this document",
            "/",
            base.name,
            api_address(base.name, "explanation", *params.pairs(), ("about", document.id)),
        ),
        document=document,
        q=params.q,
        verdict=verdict(told),
        conditions=told.conditions,
        best=_best(told, told.passage, query.text) if told.passage else None,
        back=asking.at(),
    )


def _document(services: Services, base: KnowledgeBase, about: str) -> Document:
    if not about.strip():
        raise InvalidRequest("No document was named.", remedy="Give its name, or a part of it.")
    found = services.documents.listing(base.id, Listing(about.strip(), limit=SEVERAL))
    exact = [each.document for each in found if each.document.name == about.strip()]
    if exact or len(found) == 1:
        return exact[0] if exact else found[0].document
    if not found:
        raise DocumentNotFound(
            f"No document of {base.name} has {about.strip()[:80]!r} in its name.",
            remedy="See on the page Documents what there is; it may be in another knowledge base.",
        )
    names = ", ".join(each.document.name for each in found)
    raise InvalidRequest(
        f"Several documents have {about.strip()[:80]!r} in their names: {names[:400]}.",
        remedy="Give the whole name of the one you mean.",
    )


def verdict(told: Explanation) -> str:
    """What became of the document, in a sentence."""
    if told.fate is Fate.SHOWN:
        return f"It is among the results: its best passage is the {ordinal(told.rank)} of them."
    if told.fate is Fate.FUSED_AWAY:
        return (
            f"Its best passage is the {ordinal(told.rank)} of {told.candidates} candidates; "
            f"the best {told.shown} are shown."
        )
    if told.fate is Fate.BELOW:
        places = [
            f"{ordinal(rank)} by {half}"
            for rank, half in ((told.vector_rank, "meaning"), (told.keyword_rank, "words"))
            if rank is not None
        ]
        return (
            f"No passage of it is among the {told.candidates} candidates. "
            f"Its best one is the {' and the '.join(places)}."
        )
    return {
        Fate.FOLDED: "A passage that says nearly the same is shown, and names it.",
        Fate.NOT_READY: "It has not been ingested yet, so nobody can find it.",
        Fate.FILTERED: "What was asked for leaves it out.",
        Fate.WITHOUT_WORDS: "It has none of these words, and only words are looked for.",
    }[told.fate]


def _best(told: Explanation, passage: Passage, words: str) -> Best:
    near = told.nearest
    return Best(
        address=passage_address(passage, words),
        section=place(passage.section_path),
        page=passage.page,
        words=parts(passage.text, [(near.start, near.end)] if near else []),
        why=tuple(_places(told, passage)),
    )


def _places(told: Explanation, passage: Passage) -> Iterator[Reason]:
    evidence = passage.evidence
    if told.vector_rank is not None:
        near = f"{ordinal(told.vector_rank)} of all, cosine similarity {evidence.similarity:.2f}"
        yield Reason("By meaning", near)
    if told.keyword_rank is not None:
        weights = heaviest(evidence.word_weights)
        yield Reason("By words", f"{ordinal(told.keyword_rank)} of all, {weights}")
    if told.nearest:
        yield Reason("Marked", f"the nearest sentence, cosine {told.nearest.similarity:.2f}")
