"""What building an index would take, from documents that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.documents.contents import load_sections, read_text
from app.documents.model import ParsedText
from app.documents.tables import DocumentRow, RevisionRow
from app.indexes.embedders import Embedders
from app.indexes.plans import BuildPlan
from app.indexes.recipe import Recipe
from app.ingestion.chunker import Chunker

SAMPLE = 100
"""Documents that are chunked for a plan; where there are no more, all of them are."""
LONGEST = 40_000
"""Characters of one of them that are chunked."""


@dataclass(frozen=True)
class _Stratum:
    """Documents of about the same size, with the one that stands for them."""

    revision_id: int
    characters: int


@dataclass(frozen=True)
class Planner:
    """Chunks a sample of the documents under the new recipe, which costs nothing.

    The documents are put in order of their size and cut into as many parts as the sample has; the
    middle one stands for its part, by characters (stratified ratio estimate; Cochran, Sampling
    Techniques, 3rd ed., 6.10). So short documents, of a chunk each however short, count as such.
    """

    database: Database
    embedders: Embedders

    def plan(
        self, knowledge_base_id: int, active: Recipe, recipe: Recipe, price: float | None
    ) -> BuildPlan:
        """The plan for an index under `recipe` beside the active one.

        Raises:
            ModelUnavailable, ProviderError: the recipe's model cannot be had.
        """
        revisions, strata = self._strata(knowledge_base_id)
        chunks = embedded = tokens = Fraction(0)
        for stratum in strata:
            text = self._beginning(stratum.revision_id)
            if text is None or not text.text:
                continue
            weight = Fraction(stratum.characters, len(text.text))
            made, asked, sent = self._of_text(text, active, recipe)
            chunks += weight * made
            embedded += weight * asked
            tokens += weight * sent
        return BuildPlan(recipe, revisions, round(chunks), round(embedded), round(tokens), price)

    def _strata(self, knowledge_base_id: int) -> tuple[int, list[_Stratum]]:
        """How many current revisions there are, and parts of them of about one size each."""

        def read(session: Session) -> Sequence[tuple[int, int]]:
            rows = session.execute(
                select(RevisionRow.id, RevisionRow.characters)
                .join(DocumentRow, DocumentRow.current_revision_id == RevisionRow.id)
                .where(
                    DocumentRow.knowledge_base_id == knowledge_base_id, DocumentRow.deletion == 0
                )
            )
            return [(revision_id, characters or 0) for revision_id, characters in rows]

        present = self.database.transaction(read)
        sized = sorted((characters, revision_id) for revision_id, characters in present)
        parts = min(SAMPLE, len(sized))
        cuts = [len(sized) * at // parts for at in range(parts + 1)] if parts else []
        strata = []
        for first, last in pairwise(cuts):
            part = sized[first:last]
            _, middle = part[len(part) // 2]
            strata.append(_Stratum(middle, sum(characters for characters, _ in part)))
        return len(present), strata

    def _beginning(self, revision_id: int) -> ParsedText | None:
        def read(session: Session) -> ParsedText | None:
            row = session.get(RevisionRow, revision_id)
            if row is None:
                return None
            sections = load_sections(row.section_map or "[]")
            return ParsedText(read_text(session, row.id), sections)

        whole = self.database.transaction(read)
        if whole is None or len(whole.text) <= LONGEST:
            return whole
        # Up to the end of a section, where one ends before that.
        ends = [section.end for section in whole.sections if section.end <= LONGEST]
        end = max(ends, default=0) or LONGEST
        sections = tuple(
            replace(section, end=min(section.end, end))
            for section in whole.sections
            if section.start < end
        )
        return ParsedText(whole.text[:end], sections)

    def _of_text(self, text: ParsedText, active: Recipe, recipe: Recipe) -> tuple[int, int, int]:
        """Chunks of a text, those of them whose vectors are not there, and the tokens of these."""
        counter = self.embedders.of(recipe).tokens
        chunks = Chunker(counter, recipe.chunk_tokens).split(text)
        there: set[str] = set()
        if recipe.takes_vectors_of(active):
            of_active = Chunker(self.embedders.of(active).tokens, active.chunk_tokens)
            there = {chunk.text for chunk in of_active.split(text)}
        new = [chunk for chunk in chunks if chunk.text not in there]
        prefix = counter.count(recipe.document_prefix) if recipe.document_prefix else 0
        return len(chunks), len(new), sum(chunk.tokens + prefix for chunk in new)
