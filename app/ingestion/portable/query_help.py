"""What people told a knowledge base beside its documents: test questions, synonyms, searches."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from app.documents.knowledge_bases import KnowledgeBaseStore
from app.documents.model import KnowledgeBase
from app.documents.questions import Question, QuestionStore
from app.documents.searches import SavedSearch, SavedSearchStore
from app.documents.store import DocumentStore
from app.errors import DocumentNotFound
from app.ingestion.portable.archive import JsonObject

DOCUMENT = "document"
"""The parameter of a saved search that keeps it to a document, by its id."""


@dataclass(frozen=True)
class Helped:
    """How many questions and saved searches came, and how many groups of synonyms."""

    questions: int = 0
    searches: int = 0
    synonyms: int = 0


@dataclass(frozen=True)
class QueryHelp:
    """Describes it in JSON, where documents have their names, as ids are another database's."""

    knowledge_bases: KnowledgeBaseStore
    documents: DocumentStore
    questions: QuestionStore
    searches: SavedSearchStore

    def of(self, base: KnowledgeBase) -> JsonObject:
        return {
            "questions": [_described(each) for each in self.questions.list(base.id)],
            "synonyms": self.knowledge_bases.by_id(base.id).synonyms,
            "searches": [self._search(each) for each in self.searches.list(base.id)],
        }

    def take_in(self, base: KnowledgeBase, said: JsonObject) -> Helped:
        """Add what `of` said, of which archives of earlier versions have the questions alone.

        What the knowledge base has of it stays as it is.

        Raises:
            InvalidRequest: together that is more than a knowledge base may have.
        """
        return Helped(
            questions=self._take_questions(base, said["questions"]),
            searches=self._take_searches(base, said.get("searches", [])),
            synonyms=self._take_synonyms(base, said.get("synonyms", [])),
        )

    def _search(self, saved: SavedSearch) -> JsonObject:
        pairs = parse_qsl(saved.parameters)
        names = [self._name(int(value)) for name, value in pairs if name == DOCUMENT]
        others = urlencode([pair for pair in pairs if pair[0] != DOCUMENT])
        return {"name": saved.name, "parameters": others, "documents": names}

    def _name(self, document_id: int) -> str | None:
        try:
            return self.documents.get(document_id).name
        except DocumentNotFound:  # deleted since
            return None

    def _take_questions(self, base: KnowledgeBase, said: list[JsonObject]) -> int:
        """Those whose passages are in documents that are there, and those without any."""
        known = {each.text.casefold() for each in self.questions.list(base.id)}
        taken = 0
        for question in said:
            text, found = str(question["text"]), False
            for right in question["right"]:
                document_id = self._id(base, right["document"])
                if document_id is not None:
                    self.questions.save(base.id, text, document_id, str(right["quote"]))
                    found = True
            if question.get("unanswerable") and not found and text.casefold() not in known:
                self.questions.save_unanswerable(base.id, text)
                found = True
            taken += found
        return taken

    def _take_searches(self, base: KnowledgeBase, said: list[JsonObject]) -> int:
        known = {each.name for each in self.searches.list(base.id)}
        taken = 0
        for search in said:
            ids = [self._id(base, name) for name in search["documents"]]
            there = [(DOCUMENT, str(each)) for each in ids if each is not None]
            elsewhere = bool(ids) and not there  # everywhere would be another search
            if str(search["name"]) not in known and not elsewhere:
                asked = urlencode([*parse_qsl(str(search["parameters"])), *there])
                self.searches.save(base.id, str(search["name"]), asked)
                taken += 1
        return taken

    def _take_synonyms(self, base: KnowledgeBase, said: list[list[str]]) -> int:
        known = self.knowledge_bases.by_id(base.id).synonyms
        new = [group for group in (tuple(map(str, each)) for each in said) if group not in known]
        if new:
            self.knowledge_bases.set_synonyms(base.name, [*known, *new])
        return len(new)

    def _id(self, base: KnowledgeBase, name: str | None) -> int | None:
        """The id of the document of that name; None if it is not there."""
        try:
            return None if name is None else self.documents.by_name(base.id, name).id
        except DocumentNotFound:
            return None


def _described(question: Question) -> JsonObject:
    return {
        "text": question.text,
        "right": [{"document": each.document_name, "quote": each.quote} for each in question.right],
        "unanswerable": question.unanswerable,
    }
