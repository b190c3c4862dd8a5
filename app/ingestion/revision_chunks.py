"""A revision's text → the chunks that an index stores of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.documents.model import ParsedText
from app.embedding.embedder import Embedder
from app.indexes.analysis import language_of
from app.indexes.chunk_table import chunk_id
from app.indexes.index import Contents, Index, NewChunk
from app.indexes.postings import ChunkTerms
from app.ingestion.chunker import Chunker


class OfDocument(Protocol):
    """What names a revision: a job, or one that an index lacks."""

    @property
    def document_id(self) -> int: ...

    @property
    def revision_id(self) -> int: ...


def chunks_of(
    revision: OfDocument, text: ParsedText, index: Index, embedder: Embedder
) -> list[NewChunk]:
    """The chunks of a revision's text under the index's recipe."""
    chunker = Chunker(embedder.tokens, index.recipe.chunk_tokens)
    language = language_of(text.text)
    return [
        NewChunk(
            document_id=revision.document_id,
            revision_id=revision.revision_id,
            ordinal=ordinal,
            start=chunk.start,
            end=chunk.end,
            text=chunk.text,
            section_path=chunk.section_path,
            page=chunk.page,
            terms=ChunkTerms.of(chunk_id(revision.revision_id, ordinal), chunk.text, language),
            language=language,
        )
        for ordinal, chunk in enumerate(chunker.split(text))
    ]


def contents_of(chunks: Sequence[NewChunk]) -> Contents:
    """What an index holds of a revision, once it holds its chunks."""
    terms = sum(chunk.terms.length for chunk in chunks)
    return Contents(len(chunks), terms, chunks[0].language if chunks else "")
