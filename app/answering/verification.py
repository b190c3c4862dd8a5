"""What each sentence of a written answer rests on, found out without trusting who wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.answering.answer import AnswerSentence, Check, Citation, Quote, Support
from app.answering.citations import quote_of
from app.answering.claims import Claim, Source, name_check, number_checks
from app.answering.drafts import DraftSentence
from app.answering.floor import floor_of
from app.answering.lexical import Scores, terms
from app.answering.polarity import opposed
from app.embedding import Embedder
from app.retrieval.passage import Passage
from app.retrieval.sentences import Span

CLEAR = 0.8
"""The share of a sentence's words, weighed by rarity, that makes its meaning certain by itself."""
COVERAGE_WEIGHT = 0.5
ENOUGH = 0.75
"""The least `COVERAGE_WEIGHT` * coverage + similarity of a quote that says the same."""
SOMETHING = 0.45
"""… and of one that says something of it. Both were set on one half of the topics of
`benchmarks/verification.py`, and are measured on the other."""

LIKELY = 4
"""Sentences of a passage whose meaning is compared: those that share most words with the claim."""
FOREIGN = 0.1
"""The least coverage that makes words a guide to these; below it all are compared, for a passage in
another language shares no words with what it bears out."""

NEAR = 0.2
"""How much less of a sentence's words than the best a quote may have."""

HALF = 0.5
"""The least coverage at which the first word of a sentence counts as a name that is missing."""

LONGEST_QUOTE = 3
"""Sentences of the longest quote: "He was born there." needs the one before it."""

_RANK: dict[Support, int] = {"unsupported": 0, "partly": 1, "supported": 2}


@dataclass(frozen=True)
class Verifier:
    """Sentences of a chat model → the same, each tied to what it rests on, and marked."""

    embedder: Embedder

    def over(self, passages: Sequence[Passage]) -> Verification:
        """What checks the sentences of one answer against the passages that it was written from."""
        return Verification(self.embedder, tuple(Source(passage) for passage in passages))


@dataclass(frozen=True)
class _Finding:
    """What the best quote of one passage gives for a sentence."""

    span: Span
    support: Support
    checks: tuple[Check, ...]
    score: float
    meaning: float

    @property
    def found(self) -> frozenset[int]:
        return frozenset(
            n for n, check in enumerate(self.checks) if check.verdict in {"found", "derived"}
        )


@dataclass
class Verification:
    """Checks the sentences of one answer. For one thread at a time; texts are embedded once."""

    embedder: Embedder
    sources: tuple[Source, ...]
    _vectors: dict[str, Scores] = field(default_factory=dict)

    def verify(self, draft: DraftSentence) -> AnswerSentence:
        """The sentence, tied to the quotes that bear it out, and marked by what they bear out.

        Marker `n` leads to passage `n`, counted from 1; one that leads nowhere is kept as
        `missing`. Where the passages cited don't bear the sentence out and another does, the
        citation is moved to that one. A cited passage that adds nothing is left out where another
        bears the sentence out alone.

        Raises:
            ProviderError: the embedding model's provider refused.
        """
        marks = dict[int, int]()
        missing = dict[int, None]()
        for at, number in draft.marks:
            if 1 <= number <= len(self.sources):
                marks.setdefault(number, at)
            else:
                missing[number] = None
        claim = Claim.of(draft.text, self.sources)
        findings = self._examined(claim, marks)
        verdict = _together(findings)
        places = dict(marks)
        if verdict.support != "supported":
            others = self._elsewhere(claim, marks)
            best = max(others, key=lambda n: others[n].score, default=None)
            if best is not None and others[best].support == "supported":
                findings = {best: others[best]}
                verdict = _together(findings)
                places[best] = min(marks.values(), default=len(draft.text))
        cited = tuple(
            Citation(
                n, self.sources[n - 1].passage, self._quote(n, findings[n]), at, n not in marks
            )
            for n, at in places.items()
            if n in verdict.bearing
        )
        return AnswerSentence(
            text=draft.text,
            citations=tuple(sorted(cited, key=lambda citation: citation.at)),
            gap=draft.gap,
            missing=tuple(missing),
            dropped=tuple(n for n in marks if n not in verdict.bearing),
            verbatim=self._verbatim(draft.text, cited),
            support=verdict.support,
            checks=verdict.checks,
        )

    def _elsewhere(self, claim: Claim, marks: dict[int, int]) -> dict[int, _Finding]:
        """What the passages that were not cited give, those first that share most words."""
        wanted = set(claim.terms)
        others = [n for n in range(1, len(self.sources) + 1) if n not in marks]
        others.sort(key=lambda n: -len(wanted & self.sources[n - 1].terms))
        return self._examined(claim, others[:4])

    def _quote(self, number: int, finding: _Finding) -> Quote:
        return quote_of(self.sources[number - 1].passage, *finding.span)

    def _verbatim(self, text: str, cited: Sequence[Citation]) -> bool:
        words = _words(text)
        return bool(words) and any(words in _words(citation.quote.text) for citation in cited)

    def _examined(self, claim: Claim, numbers: Iterable[int]) -> dict[int, _Finding]:
        """What each of the passages of these numbers gives; all that is new is embedded at once."""
        covered = {n: self.sources[n - 1].lexicon.coverage(claim.terms) for n in numbers}
        likely = {n: _likely(cover) for n, cover in covered.items() if cover.max() < CLEAR}
        texts = [self.sources[n - 1].texts[i] for n, rows in likely.items() for i in rows]
        if texts:
            self._embed([claim.text, *texts])
        return {
            n: self._examine(claim, self.sources[n - 1], cover, likely.get(n, ()))
            for n, cover in covered.items()
        }

    def _examine(
        self, claim: Claim, source: Source, coverage: Scores, likely: Sequence[int]
    ) -> _Finding:
        """The quote of `source` that bears `claim` out best, and how far."""
        similarity = np.zeros(len(source.spans))
        if len(likely):
            similarity[likely] = self._similarity(claim.text, [source.texts[i] for i in likely])
        findings = [
            self._weigh(claim, source, start, end, similarity)
            for start, end in _windows(coverage, similarity)
        ]
        # What bears out little of the sentence may not excuse what contradicts most of it.
        nearest = max(finding.meaning for finding in findings)
        near = [finding for finding in findings if finding.meaning >= nearest - NEAR]
        return max(near, key=lambda finding: finding.score)

    def _weigh(
        self, claim: Claim, source: Source, start: int, end: int, similarity: Scores
    ) -> _Finding:
        span = source.spans[start][0], source.spans[end - 1][1]
        alone = source.lexicon.coverage(claim.terms)[start:end]
        core = start + int(np.argmax(COVERAGE_WEIGHT * alone + similarity[start:end]))
        shared = set().union(*source.lexicon.texts[start:end])
        weights = {term: 1 + source.lexicon.rarity(term) for term in set(claim.terms)}
        coverage = sum(w for t, w in weights.items() if t in shared) / (sum(weights.values()) or 1)
        meaning = COVERAGE_WEIGHT * coverage + float(similarity[start:end].max())
        if coverage >= CLEAR:
            meaning = max(meaning, ENOUGH)
        checks = self._checks(claim, source, span, source.spans[core], coverage)
        support = _mark(meaning, checks)
        held = sum(check.verdict in {"found", "derived"} for check in checks)
        score = (
            2.0 * _RANK[support]
            + meaning
            + (held / len(checks) if checks else 0.0)
            - 0.1 * (end - start - 1)
        )
        return _Finding(span, support, checks, score, coverage)

    def _checks(
        self, claim: Claim, source: Source, span: Span, core: Span, coverage: float
    ) -> tuple[Check, ...]:
        quote = source.passage.text[slice(*span)]
        checks = []
        if claim.numbers:
            checks = number_checks(claim, source.numbers_in(core), source.numbers_in(span))
        for name in claim.names:
            check = name_check(name, source.names_in(span), source, quote)
            # Where most words are others, the first is only another of them.
            if check.verdict != "missing" or not name.weak or coverage >= HALF:
                checks.append(check)
        turned = opposed(claim.text, source.passage.text[slice(*core)], quote)
        if turned is not None:
            checks.append(Check("negation", turned, "contradicted", "the quote says the opposite"))
        return tuple(checks)

    def _embed(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            vectors = self.embedder.embed_documents(new)
            self._vectors.update(zip(new, (np.array(v) for v in vectors), strict=True))

    def _similarity(self, claim: str, texts: Sequence[str]) -> Scores:
        """Cosines of the claim and each text, from 0 for what unrelated texts have, to 1."""
        cosines = np.array([self._vectors[text] for text in texts]) @ self._vectors[claim]
        floor = floor_of(self.embedder)
        scaled: Scores = (cosines - floor) / (1 - floor)
        return scaled


def _likely(coverage: Scores) -> Sequence[int]:
    """The rows of the sentences that may say what is claimed."""
    if coverage.max() < FOREIGN:
        return range(len(coverage))
    best: list[int] = np.argsort(-coverage, kind="stable")[:LIKELY].tolist()
    return best


def _windows(coverage: Scores, similarity: Scores) -> list[Span]:
    """The stretches of one to `LONGEST_QUOTE` sentences around those that bear most."""
    best = np.argsort(-(COVERAGE_WEIGHT * coverage + similarity), kind="stable")[:3]
    count = len(coverage)
    return sorted(
        {
            (start, start + length)
            for length in range(1, LONGEST_QUOTE + 1)
            for i in best
            for start in range(max(0, int(i) - length + 1), min(int(i), count - length) + 1)
        }
    )


def _mark(meaning: float, checks: Sequence[Check]) -> Support:
    verdicts = [check.verdict for check in checks]
    if meaning < SOMETHING or "contradicted" in verdicts:
        return "unsupported"
    if meaning < ENOUGH or "missing" in verdicts:
        return "partly"
    return "supported"


@dataclass(frozen=True)
class _Verdict:
    """What the cited passages bear out together; `bearing` are those that are needed for it."""

    support: Support
    checks: tuple[Check, ...]
    bearing: frozenset[int]


def _together(findings: dict[int, _Finding]) -> _Verdict:
    if not findings:
        return _Verdict("unsupported", (), frozenset())
    order = sorted(findings, key=lambda n: -findings[n].score)
    best = findings[order[0]]
    if best.support == "supported":
        alone = frozenset(n for n in order if findings[n].support == "supported")
        return _Verdict("supported", best.checks, alone)
    needed, held = [order[0]], set(best.found)
    for n in order[1:]:
        if findings[n].support != "unsupported" and findings[n].found - held:
            needed.append(n)
            held |= findings[n].found
    checks = tuple(
        next((findings[n].checks[i] for n in needed if i in findings[n].found), check)
        for i, check in enumerate(best.checks)
    )
    whole = len(needed) > 1 and len(held) == len(checks)
    return _Verdict("supported" if whole else best.support, checks, frozenset(needed))


def _words(text: str) -> str:
    return " ".join(terms(text))
