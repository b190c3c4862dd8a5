"""Questions drawn from a knowledge base's own documents: each must find the place it came from.

So a knowledge base can be measured before anybody has written questions for it. A heading is asked
as it stands; of a sentence, some of its telling words are asked, as by somebody who half remembers
it (known-item queries sampled from the item: Azzopardi, de Rijke and Balog 2007,
doi:10.1145/1277741.1277820).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.documents.model import KnowledgeBase, ParsedText, Revision
from app.documents.store import DocumentStore
from app.errors import DocumentNotFound
from app.indexes import analysis
from app.indexes.analysis import language_of, stop_words
from app.retrieval.sentences import sentence_spans

MOST_DOCUMENTS = 200
"""Documents that questions are drawn from; of more, this many at random."""
A_DOCUMENT = 4
"""Questions that are drawn from one document at most, unless there are few documents."""
SHORTEST, LONGEST = 40, 300  # characters of a sentence that is asked about
FEWEST_WORDS, MOST_WORDS = 4, 7  # telling words of a sentence that are asked
HEADING_WORDS = 2  # a heading of fewer tells too little
WORD = re.compile(rf"{analysis.WORD.pattern}(?:['\u2019-]{analysis.WORD.pattern})*")


@dataclass(frozen=True)
class KnownItem:
    """A question and the place that answers it: `[start, end)` of a revision's text, as `text`."""

    question: str
    text: str
    document_id: int
    document_name: str
    start: int
    end: int


@dataclass(frozen=True)
class KnownItems:
    documents: DocumentStore

    def draw(self, base: KnowledgeBase, most: int) -> tuple[KnownItem, ...]:
        """Up to `most` questions, the same ones as long as the documents are the same."""
        chance = random.Random(base.id)  # noqa: S311 - a sample, not a secret
        present = self.documents.with_text(base.id)
        chosen = chance.sample(present, min(len(present), MOST_DOCUMENTS))
        if not chosen:
            return ()
        each = max(A_DOCUMENT, -(-most // len(chosen)))
        drawn: list[list[KnownItem]] = []
        for document_id, name in chosen:
            try:
                revision, text = self.documents.text(document_id)
            except DocumentNotFound:  # deleted just now
                continue
            found = list(_of_document(name, revision, text))
            drawn.append(chance.sample(found, min(len(found), each)))
            if sum(map(len, drawn)) >= most * 2:
                break
        items: list[KnownItem] = []
        for turn in range(each):
            items += [of[turn] for of in drawn if turn < len(of)]
        return tuple(items[:most])


def _of_document(name: str, revision: Revision, text: ParsedText) -> Iterator[KnownItem]:
    chance = random.Random(revision.id)  # noqa: S311
    silent = stop_words().get(language_of(text.text), frozenset())
    asked: set[str] = set()
    for section in text.sections:
        stretch = text.text[section.start : section.end]
        heading = section.path[-1] if section.path else ""
        if len(heading.split()) >= HEADING_WORDS and heading not in asked:
            asked.add(heading)
            yield KnownItem(
                heading, stretch, revision.document_id, name, section.start, section.end
            )
        for start, end in sentence_spans(stretch):
            words = _telling(stretch[start:end], silent)
            if SHORTEST <= end - start <= LONGEST and len(words) >= FEWEST_WORDS:
                kept = sorted(chance.sample(range(len(words)), min(len(words), MOST_WORDS)))
                question = " ".join(words[i] for i in kept)
                yield KnownItem(
                    question,
                    stretch[start:end],
                    revision.document_id,
                    name,
                    section.start + start,
                    section.start + end,
                )


def _telling(sentence: str, silent: frozenset[str]) -> list[str]:
    return [word for word in WORD.findall(sentence) if word.casefold() not in silent]
