"""What the tools give: no more than a model needs to go on."""

from __future__ import annotations

from urllib.parse import urljoin

from pydantic import BaseModel

from app.answering.answer import Answer, Citation
from app.documents.listing import ListedDocument
from app.retrieval.passage import Passage
from app.web.addresses import passage_address, quote_address


class FoundPassage(BaseModel):
    """A stretch of a document: the characters `[start, end)` of one of its revisions."""

    document_id: int
    document: str
    section: str
    page: int | None
    revision_id: int
    start: int
    end: int
    score: float
    text: str
    url: str

    @classmethod
    def of(cls, passage: Passage, base_url: str) -> FoundPassage:
        return cls(
            document_id=passage.document_id,
            document=passage.document_name,
            section=" > ".join(passage.section_path),
            page=passage.page,
            revision_id=passage.revision_id,
            start=passage.start,
            end=passage.end,
            score=round(passage.score, 4),
            text=passage.text,
            url=urljoin(base_url, passage_address(passage)),
        )


class Found(BaseModel):
    """Passages, best first."""

    knowledge_base: str
    passages: list[FoundPassage]


class ReadText(BaseModel):
    """A stretch of a document's text, of which `characters` is the length of the whole."""

    document_id: int
    document: str
    revision_id: int
    start: int
    end: int
    characters: int
    sections: list[str]
    text: str


class DocumentEntry(BaseModel):
    """A document; `characters` is null while it has not been ingested."""

    document_id: int
    document: str
    title: str | None
    characters: int | None
    updated: str

    @classmethod
    def of(cls, listed: ListedDocument) -> DocumentEntry:
        revision = listed.revision
        return cls(
            document_id=listed.document.id,
            document=listed.document.name,
            title=revision.title if revision else None,
            characters=revision.characters if revision else None,
            updated=listed.document.updated_at.isoformat(timespec="seconds"),
        )


class DocumentEntries(BaseModel):
    """A stretch of the documents by name, of `count` in all."""

    knowledge_base: str
    knowledge_bases: list[str]
    count: int
    documents: list[DocumentEntry]


class Source(BaseModel):
    """The words that `[number]` in an answer rests on."""

    number: int
    document_id: int
    document: str
    revision_id: int
    start: int
    end: int
    quote: str
    url: str
    knowledge_base: str | None
    """Where several were asked."""

    @classmethod
    def of(cls, citation: Citation, base_url: str) -> Source:
        quote = citation.quote
        return cls(
            number=citation.number,
            document_id=quote.document_id,
            document=citation.passage.document_name,
            revision_id=quote.revision_id,
            start=quote.start,
            end=quote.end,
            quote=quote.text,
            url=urljoin(base_url, quote_address(quote)),
            knowledge_base=citation.passage.knowledge_base or None,
        )


class CitedAnswer(BaseModel):
    """An answer with its citations as `[n]`; `unsupported` sentences rest on no source."""

    knowledge_base: str
    kind: str
    text: str
    unsupported: int
    sources: list[Source]

    @classmethod
    def of(cls, base: str, answer: Answer, base_url: str) -> CitedAnswer:
        sources = [Source.of(citation, base_url) for citation in answer.citations]
        return cls(
            knowledge_base=base,
            kind=answer.kind,
            text=answer.text,
            unsupported=answer.unsupported,
            sources=list({source.model_dump_json(): source for source in sources}.values()),
        )
