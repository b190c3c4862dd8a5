"""Keyword search of an index: BM25 over its postings, in SQL, on any TiDB."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.indexes.analysis import question_terms
from app.indexes.chunk_table import CHUNKS_A_REVISION
from app.indexes.full_text import best_by_full_text, better_by_full_text, has_full_text_index
from app.indexes.index import Index, Presence
from app.indexes.live import BY_KEY
from app.indexes.postings import postings_table_name
from app.indexes.scope import EVERYWHERE, Scope, Within
from app.indexes.tables import IndexedRevisionRow

# Lucene's BM25; see Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009).
K1 = 1.5
B = 0.75

TOO_COMMON = 0.5
"""A term in more than this share of the chunks tells them apart too little for what it costs."""
MOST_POSTINGS = 200_000
"""About a quarter of a second of TiDB's time: terms are looked for from the rarest on, up to it."""
MOST_BRANCHES = 16
"""Scans of the postings that a statement makes at once; of more terms, several share one."""
MOST_COUNTED = 50_000
"""Terms of a version of an index whose counts are kept: some 5 MB."""
RARE_LANGUAGE = 0.02
"""A language of fewer than this share of the chunks is not looked for: it is a wrong guess."""

REVISION = f"chunk_id DIV {CHUNKS_A_REVISION}"


@dataclass(frozen=True)
class WordMatch:
    """A chunk found by words, with its BM25 score.

    `highest` is what a chunk's score comes near to that has every word of the question; None where
    that is not known. `weighing` is how the words were weighed, where a score is their sum.
    """

    chunk_id: int
    score: float
    highest: float | None = None
    weighing: Weighing | None = None


@dataclass(frozen=True, eq=False)
class Weighing:
    """How the question's words were weighed in one search of one index, for all that it found."""

    table: str
    mean_length: float
    idf: Mapping[str, float]
    """By term."""
    words: Mapping[str, str]
    """The word of the question that each term is a form of."""


@dataclass(frozen=True)
class Corpus:
    """What is live in an index: chunks, the mean of their lengths in terms, their languages, the
    commonest first.

    `counts` are how many chunks hold a term, of the terms that were asked for so far.
    """

    chunks: int
    mean_length: float
    languages: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class KeywordSearch:
    """By the postings; or by TiDB's own full text, in indexes for which the server has it."""

    database: Database
    full_text: bool = False
    """Whether to look for indexes that have full text."""
    _corpora: dict[int, tuple[int, Corpus]] = field(default_factory=dict)
    _by_full_text: dict[int, bool] = field(default_factory=dict)

    def best(
        self, index: Index, question: str, limit: int, within: Within = EVERYWHERE
    ) -> tuple[WordMatch, ...]:
        """The `limit` chunks that the question's words tell apart best, best first.

        Only chunks of current revisions count, in the scores as in the result, and all is read from
        one snapshot.
        """

        def search(session: Session) -> tuple[WordMatch, ...]:
            scope = Scope.of(session, index.id, within)
            corpus = self._corpus(session, index.id, scope.version)
            words = question_terms(question, corpus.languages)
            if not words or not corpus.chunks:
                return ()
            if self._has_full_text(session, index.id):
                found = best_by_full_text(session, index.id, _told(words), scope, limit)
                return tuple(WordMatch(chunk, score) for chunk, score in found.items())
            table = postings_table_name(index.id)
            postings = _Postings(session, table, scope, corpus)
            counts = postings.counts(list(words))
            idf = postings.idf(counts)
            scores = postings.best(idf, limit) if idf else {}
            highest = postings.highest(words, counts, idf)
            weighing = Weighing(table, corpus.mean_length, idf, words)
            return tuple(WordMatch(c, score, highest, weighing) for c, score in scores.items())

        return self.database.transaction(search)

    def weights(self, matches: Iterable[WordMatch]) -> dict[int, dict[str, float]]:
        """What each word of the question gave to each chunk's score, by chunk; nothing of chunks
        that were removed meanwhile. Postings never change: these are what the score was made of.
        """
        chunks: dict[Weighing, list[int]] = {}
        for match in matches:
            if match.weighing is not None:
                chunks.setdefault(match.weighing, []).append(match.chunk_id)
        given: dict[int, dict[str, float]] = {}
        for weighing, found in chunks.items():
            given |= _weights(self.database, weighing, found)
        return given

    def languages(self, index: Index) -> tuple[str, ...]:
        """The languages that words are looked for in, as ISO 639-1."""

        def read(session: Session) -> tuple[str, ...]:
            version = Scope.of(session, index.id).version
            return self._corpus(session, index.id, version).languages

        return self.database.transaction(read)

    def spoken(self, index: Index) -> str | None:
        """The language of most chunks, as the last search of the index found it."""
        known = self._corpora.get(index.id)
        return known[1].languages[0] if known and known[1].languages else None

    def better(self, index: Index, question: str, score: float, within: Within) -> int:
        """How many chunks have a higher BM25 score."""

        def count(session: Session) -> int:
            scope = Scope.of(session, index.id, within)
            corpus = self._corpus(session, index.id, scope.version)
            words = question_terms(question, corpus.languages)
            if not words or not corpus.chunks:
                return 0
            if self._has_full_text(session, index.id):
                return better_by_full_text(session, index.id, _told(words), scope, score)
            postings = _Postings(session, postings_table_name(index.id), scope, corpus)
            idf = postings.idf(postings.counts(list(words)))
            return postings.better(idf, score) if idf else 0

        return self.database.transaction(count)

    def by_full_text(self, index: Index) -> bool:
        """Whether TiDB's own full text was used in the last search of the index."""
        return self._by_full_text.get(index.id, False)

    def _has_full_text(self, session: Session, index_id: int) -> bool:
        if not self.full_text:
            return False
        if index_id not in self._by_full_text:
            self._by_full_text[index_id] = has_full_text_index(session, index_id)
        return self._by_full_text[index_id]

    def _corpus(self, session: Session, index_id: int, version: int) -> Corpus:
        """Summed up once for each version of the index, so that it is exact."""
        known = self._corpora.get(index_id)
        if known is None or known[0] != version:
            known = self._corpora[index_id] = (version, _summed(session, index_id))
        return known[1]


def _told(words: Mapping[str, str]) -> str:
    """The words of a question that tell something, as they were written."""
    return " ".join(dict.fromkeys(words.values()))


def _summed(session: Session, index_id: int) -> Corpus:
    live = (IndexedRevisionRow.index_id == index_id) & (IndexedRevisionRow.state == Presence.LIVE)
    rows = session.execute(
        select(
            IndexedRevisionRow.language,
            func.sum(IndexedRevisionRow.chunks),
            func.sum(IndexedRevisionRow.terms),
        )
        .with_hint(IndexedRevisionRow, BY_KEY)
        .where(live)
        .group_by(IndexedRevisionRow.language)
    ).all()
    rows = sorted(rows, key=lambda row: (-row[1], row[0]))
    chunks = sum(int(row[1]) for row in rows)
    terms = sum(int(row[2]) for row in rows)
    spoken = tuple(row[0] for row in rows if row[1] >= RARE_LANGUAGE * chunks)
    return Corpus(chunks, terms / chunks if chunks else 0.0, spoken)


@dataclass(frozen=True)
class _Postings:
    """The postings table in one snapshot. Terms are bound as values, never written into SQL."""

    session: Session
    table: str
    scope: Scope
    corpus: Corpus

    def idf(self, counts: Mapping[str, int]) -> dict[str, float]:
        """The inverse document frequency, over live chunks, of the terms to look for."""
        kept: dict[str, float] = {}
        postings = 0
        for count, term in sorted((count, term) for term, count in counts.items() if count):
            postings += count
            common = count > max(TOO_COMMON * self.corpus.chunks, 1)
            if kept and (common or postings > MOST_POSTINGS):
                break
            kept[term] = self._rarity(count)
        return kept

    def counts(self, terms: Sequence[str]) -> Mapping[str, int]:
        """How many live chunks hold each; the common ones, which take long to count, only once."""
        known = self.corpus.counts
        # Other threads may empty what is known between two looks.
        counts = {term: count for term in terms if (count := known.get(term)) is not None}
        missing = [term for term in terms if term not in counts]
        if missing:
            where, values = _listed("t", missing)
            live = self.scope.not_current_clause(REVISION)
            rows = self.session.execute(
                text(
                    f"SELECT term, COUNT(*) FROM {self.table} "  # noqa: S608
                    f"WHERE term IN ({where}){live} GROUP BY term"
                ),
                values,
            )
            counts |= dict.fromkeys(missing, 0) | {term: int(count) for term, count in rows}
            if len(known) > MOST_COUNTED:
                known.clear()
            known.update(counts)
        return counts

    def highest(
        self, words: Mapping[str, str], counts: Mapping[str, int], idf: Mapping[str, float]
    ) -> float:
        """What a chunk's score comes near to that has every word of the question, in one form each;
        those that no chunk has count too. A term too common to be looked for adds nothing."""
        best: dict[str, float] = {}
        for term, word in words.items():
            if counts.get(term):
                best[word] = max(best.get(word, 0.0), idf.get(term, 0.0))
        return sum(best.get(word, self._rarity(0)) for word in dict.fromkeys(words.values()))

    def _rarity(self, count: int) -> float:
        return math.log(1 + (self.corpus.chunks - count + 0.5) / (count + 0.5))

    def best(self, idf: Mapping[str, float], limit: int) -> dict[int, float]:
        """The `limit` best chunks with their BM25 scores, best first."""
        scored, values = self._scored(idf)
        rows = self.session.execute(
            text(f"{scored} ORDER BY score DESC, chunk_id LIMIT :most"), values | {"most": limit}
        )
        return {chunk: float(score) for chunk, score in rows}

    def better(self, idf: Mapping[str, float], score: float) -> int:
        """How many chunks have a higher score than `score`."""
        scored, values = self._scored(idf)
        counted = self.session.scalar(
            text(f"SELECT COUNT(*) FROM ({scored}) every WHERE score > :score + 1e-9"),  # noqa: S608
            values | {"score": score},
        )
        return int(counted or 0)

    def _scored(self, idf: Mapping[str, float]) -> tuple[str, dict[str, object]]:
        """The statement that gives each chunk its BM25 score, with its values.

        Each term is scanned by itself and the scores are added in TiDB, four times as fast as where
        its store is asked for the sums: that adds row by row, on one core, and there is nothing to
        add before the terms meet. All numbers are doubles; the decimals of literals are slower.
        """
        terms = list(idf.items())
        # Dealt out from the rarest on, so that each branch has about as much to read.
        branches = [terms[n::MOST_BRANCHES] for n in range(min(MOST_BRANCHES, len(terms)))]
        values: dict[str, object] = {
            "even": K1 * (1 - B),
            "by_length": K1 * B / self.corpus.mean_length,
        }
        selects = []
        for number, branch in enumerate(branches):
            where, names = _listed(f"t{number}_", [term for term, _ in branch])
            weights = {f"w{number}_{n}": weight for n, (_, weight) in enumerate(branch)}
            values |= names | weights
            weight = f":w{number}_0"
            if len(branch) > 1:
                pairs = zip(names, weights, strict=True)
                weight = f"CASE term {' '.join(f'WHEN :{t} THEN :{w}' for t, w in pairs)} END"
            selects.append(
                f"SELECT chunk_id, {weight} * tf / (tf + :even + :by_length * length) AS part "  # noqa: S608
                f"FROM {self.table} WHERE term IN ({where})"
            )
        wanted = f"parts WHERE TRUE{self.scope.clause(REVISION)}"
        if len(terms) == 1:  # each chunk has one part: what is not grouped is told in half the time
            return f"SELECT chunk_id, part AS score FROM ({selects[0]}) {wanted}", values  # noqa: S608
        union = " UNION ALL ".join(selects)
        summed = (
            # Rounded: the order of adding differs, and must not put equals in another order.
            "SELECT chunk_id, ROUND(SUM(part), 9) AS score "  # noqa: S608
            f"FROM ({union}) {wanted} GROUP BY chunk_id"
        )
        return summed, values


def _weights(
    database: Database, weighing: Weighing, chunks: Sequence[int]
) -> dict[int, dict[str, float]]:
    where, values = _listed("t", list(weighing.idf))
    these, chunk_values = _listed("c", chunks)
    rows = database.read(
        text(
            f"SELECT chunk_id, term, tf, length FROM {weighing.table} "  # noqa: S608
            f"WHERE term IN ({where}) AND chunk_id IN ({these})"
        ),
        **values,
        **chunk_values,
    )
    given: dict[int, dict[str, float]] = {}
    for chunk, term, tf, length in rows:
        saturated = tf / (tf + K1 * (1 - B + B * length / weighing.mean_length))
        of_chunk, word = given.setdefault(chunk, {}), weighing.words[term]
        of_chunk[word] = of_chunk.get(word, 0.0) + weighing.idf[term] * saturated
    return given


def _listed(prefix: str, values: Sequence[object]) -> tuple[str, dict[str, object]]:
    named = {f"{prefix}{i}": value for i, value in enumerate(values)}
    return ", ".join(f":{name}" for name in named), named
