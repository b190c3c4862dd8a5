"""Whether sentences that say what their passage doesn't are found, and right ones left alone.

A set of right sentences is made from a collection, and wrong ones are planted in it: a number, a
name, a unit or the sentence's sense is changed, or another passage is cited. Everything is made by
rule with a fixed seed, so that the same data give the same set. Half of XQuAD's topics is what the
verifier's thresholds were set on; the other half and SciFact are only measured.

Right sentences are of two kinds. *Statements* are questions that people wrote, turned into
statements with their answers: "Who led the Panthers in sacks?", "Kawann Short" → "Kawann Short led
the Panthers in sacks." *Rewritten* are the passages' own sentences, changed as a model would:
a clause moved, brackets left out, figures as words, a phrase put before.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from app.answering.drafts import DraftSentence
from app.answering.names import names, small_words
from app.answering.verification import Verifier
from app.config import load_settings
from app.embedding import Embedder, make_embedder
from app.retrieval.passage import Passage
from app.retrieval.sentences import sentence_spans
from benchmarks.extracts import Remembering
from benchmarks.measurement import Measurement

KINDS = ("number", "name", "negation", "unit", "passage")
FOUND_AT_LEAST, WRONGLY_AT_MOST = 90.0, 5.0
PER_KIND = 80
OTHERS = 5  # passages beside the one that a sentence is from

_WHO = re.compile(
    r"^Who (?!(?:do|does|did|were|are|will|would|can|could|should|have)\b)(.+?)\?\s*$"
)
_WHAT_IS = re.compile(r"^(?:What|Who) (was|is|are|were) ((?:the|a) .+?)\s*\?\s*$")
_WHICH = re.compile(
    r"^(?:Which|What) \w+ ((?:was|is|had|has|won|led|became|made|caused|lost)\b.+?)\?$"
)
_ENDS_IN_WORD = re.compile(r"\b(?:for|of|to|by|in|with|from|at|on|called|named|as|after)$")
_OPENING = re.compile(r"^(In \d{4}|In the \d{4}s|By \d{4}|During [A-Z]\w+|In [A-Z]\w+), (.+)\.$")
_VERB = re.compile(
    r" (was|is|are|were|has|had|have|can|could|will|would|may|must|should) (?!not\b|no\b|never\b)"
)
_NOT = re.compile(r" (?:not|never) ")
_UNIT_SWAPS = {
    "percent": "years", "%": " kilometres", "miles": "kilometres", "kilometres": "miles",
    "km": "miles", "metres": "feet", "feet": "metres", "yards": "metres", "million": "billion",
    "billion": "million", "years": "months", "months": "years", "days": "weeks", "weeks": "days",
    "hours": "minutes", "minutes": "hours", "seconds": "hours", "acres": "hectares",
    "tons": "kilograms", "pounds": "dollars", "dollars": "euros", "inches": "miles",
    "mg": "kg", "kg": "mg", "mm": "km", "cm": "km", "°C": "°F", "decades": "centuries",
    "thousand": "million", "trillion": "million", "meters": "feet", "kilometers": "miles",
}  # fmt: skip
_WORDS_FOR = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A sentence that cites `passages[0]`; `wrong` is what was planted in it, if anything."""

    text: str
    passages: tuple[Passage, ...]
    made: str
    wrong: str | None = None


@dataclass(frozen=True)
class Paragraph:
    text: str
    topic: int
    questions: tuple[tuple[str, str], ...] = ()


def xquad(data: Path) -> list[Paragraph]:
    articles = json.loads((data / "xquad-qa" / "xquad.en.json").read_text("utf-8"))["data"]
    return [
        Paragraph(
            paragraph["context"],
            topic,
            tuple((q["question"], q["answers"][0]["text"]) for q in paragraph["qas"]),
        )
        for topic, article in enumerate(articles)
        for paragraph in article["paragraphs"]
    ]


def scifact(data: Path, count: int = 400) -> list[Paragraph]:
    with gzip.open(data / "scifact" / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for _, line in zip(range(count), lines, strict=False)]
    return [Paragraph(each["text"], place % 40) for place, each in enumerate(found)]


def right_sentences(paragraphs: Sequence[Paragraph], chance: random.Random) -> list[Case]:
    cases = []
    for place, paragraph in enumerate(paragraphs):
        passages = _beside(place, paragraphs, chance)
        said = [(text, "statement") for q, a in paragraph.questions if (text := statement(q, a))]
        spans = sentence_spans(paragraph.text)
        chosen = chance.sample(spans, min(2, len(spans)))
        for start, end in chosen:
            text = rewritten(" ".join(paragraph.text[start:end].split()), chance)
            if text and 6 <= len(text.split()) <= 45:
                said.append((text, "rewritten"))
        cases.extend(Case(text, passages, made) for text, made in dict.fromkeys(said))
    return cases


def statement(question: str, answer: str) -> str | None:
    answer = answer.strip().rstrip(".")
    who = _WHO.match(question)
    which = _WHICH.match(question)
    what = _WHAT_IS.match(question)
    if what and not _ENDS_IN_WORD.search(what[2]) and what[1] in {"was", "is"}:
        return f"{what[2][:1].upper()}{what[2][1:]} {what[1]} {answer}."
    for found in (who, which):
        if found and not _ENDS_IN_WORD.search(found[1].strip()):
            return f"{answer[:1].upper()}{answer[1:]} {found[1].strip()}."
    return None


def rewritten(sentence: str, chance: random.Random) -> str | None:
    if not sentence.endswith(".") or not sentence[:1].isupper():
        return None
    bare = re.sub(r"\s*\([^()]*\)", "", sentence)
    opening = _OPENING.match(bare)
    if opening:
        rest = opening[2]
        lead = opening[1][0].lower() + opening[1][1:]
        return f"{rest[0].upper()}{rest[1:]} {lead}."
    figure = re.search(r"(?<![\w.,-])([2-9]|1[0-2])(?![\d.,%-])(?= [a-z])", bare)
    if figure:
        word = _WORDS_FOR[int(figure[1]) - 2]
        return bare[: figure.start()] + word + bare[figure.end() :]
    clauses = bare[:-1].split(", ")
    if len(clauses) > 2 and len(clauses[0].split()) > 5:
        return f"{clauses[0]}."
    lead = chance.choice(["According to the passage, ", "It is stated that ", ""])
    first = bare.split()[0]
    if lead and first in {"The", "A", "An", "In", "This", "These", "It", "They", "He", "Some"}:
        return lead + bare[0].lower() + bare[1:]
    return bare


def planted(case: Case, kind: str, others: Sequence[str], chance: random.Random) -> Case | None:
    """`case` with one thing in it made wrong; None where it has nothing of the kind."""
    if kind == "passage":
        return replace(case, passages=case.passages[1:], wrong=kind)
    text = {"number": _number, "name": _name, "negation": _negation, "unit": _unit}[kind](
        case, others, chance
    )
    return replace(case, text=text, wrong=kind) if text and text != case.text else None


def _number(case: Case, _others: Sequence[str], chance: random.Random) -> str | None:
    figures = list(re.finditer(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\d])", case.text))
    if not figures:
        return None
    figure = chance.choice(figures)
    there = re.findall(r"(?<![\w.,])\d+(?:[.,]\d+)*", case.passages[0].text)
    same_length = [n for n in there if len(n) == len(figure[0]) and n != figure[0]]
    if same_length and chance.random() < 0.3:  # another number of the same passage
        return _put(case.text, figure, chance.choice(same_length))
    digits = list(figure[0])
    places = [i for i, digit in enumerate(digits) if digit.isdigit()]
    at = chance.choice(places[1:] or places)
    digits[at] = str((int(digits[at]) + chance.randint(1, 8)) % 9 + (at == 0))
    return _put(case.text, figure, "".join(digits))


def _name(case: Case, others: Sequence[str], chance: random.Random) -> str | None:
    named = names(case.text, "en", small_words(case.passages[0].text))
    if not named:
        return None
    name = chance.choice(named)
    fresh = [o for o in others if o not in case.passages[0].text and o != name.text]
    return case.text[: name.start] + chance.choice(fresh) + case.text[name.end :]


def _negation(case: Case, _others: Sequence[str], _chance: random.Random) -> str | None:
    if found := _NOT.search(case.text):
        return _put(case.text, found, " ")
    if found := _VERB.search(case.text):
        return _put(case.text, found, f" {found[1]} not ")
    return None


def _unit(case: Case, _others: Sequence[str], _chance: random.Random) -> str | None:
    for found in re.finditer(
        r"(?<=\d)( ?)(%|°C|[a-z]+)|(?<=[a-z])( )(million|billion|years)\b", case.text
    ):
        word = found[2] or found[4]
        if word in _UNIT_SWAPS:
            space = found[1] or found[3] or ""
            return _put(case.text, found, space + _UNIT_SWAPS[word])
    return None


def _put(text: str, found: re.Match[str], other: str) -> str:
    return text[: found.start()] + other + text[found.end() :]


def _beside(
    place: int, paragraphs: Sequence[Paragraph], chance: random.Random
) -> tuple[Passage, ...]:
    topic = [
        i for i, p in enumerate(paragraphs) if p.topic == paragraphs[place].topic and i != place
    ]
    chosen = [place, *chance.sample(topic, min(OTHERS, len(topic)))]
    return tuple(_passage(i, paragraphs[i].text) for i in chosen)


def _passage(number: int, text: str) -> Passage:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Passage(1, 0.0, number, number, f"text-{number}", None, number, now, 0, len(text), text)


def cases_of(paragraphs: Sequence[Paragraph], seed: int = 6) -> tuple[list[Case], list[Case]]:
    """The right sentences, and the wrong ones: up to `PER_KIND` of each kind."""
    chance = random.Random(seed)
    right = right_sentences(paragraphs, chance)
    everybody = [
        name.text
        for paragraph in paragraphs
        for name in names(paragraph.text, "en", small_words(paragraph.text))
    ]
    wrong = []
    for kind in KINDS:
        made = [planted(case, kind, everybody, chance) for case in right]
        there = [case for case in made if case is not None]
        wrong.extend(chance.sample(there, min(PER_KIND, len(there))))
    return right, wrong


def measure(data: Path) -> Iterator[Measurement]:
    embedder = _embedder()
    paragraphs = xquad(data)
    measured = [p for p in paragraphs if p.topic % 2]
    yield from _measure("XQuAD", measured, embedder)
    yield from _measure("SciFact", scifact(data), embedder)


def _embedder() -> Embedder:
    return Remembering(make_embedder(load_settings(), print))  # type: ignore[return-value]


def _measure(
    name: str, paragraphs: Sequence[Paragraph], embedder: Embedder
) -> Iterator[Measurement]:
    right, wrong = cases_of(paragraphs)
    found = Counter[str]()
    for case in wrong:
        found[case.wrong or ""] += mark(case, embedder) != "supported"
    each = Counter(case.wrong or "" for case in wrong)
    detail = ", ".join(f"{kind} {found[kind]}/{each[kind]}" for kind in KINDS if each[kind])
    yield Measurement(
        f"planted wrong sentences found, {name}",
        100 * found.total() / len(wrong),
        "%",
        FOUND_AT_LEAST,
        detail,
    )
    wrongly = Counter(case.made for case in right if mark(case, embedder) != "supported")
    made = Counter(case.made for case in right)
    yield Measurement(
        f"right sentences marked wrong, {name}",
        100 * wrongly.total() / len(right),
        "%",
        WRONGLY_AT_MOST,
        ", ".join(f"{kind} {wrongly[kind]}/{made[kind]}" for kind in made) + "; at most",
    )
    moved = [_moved(case, embedder) for case in right[:200] if len(case.passages) > 1]
    yield Measurement(
        f"wrong citations moved to the passage that says it, {name}",
        100 * sum(moved) / len(moved),
        "%",
        None,
        f"{len(moved)} right sentences that cite the passage after theirs",
    )


def mark(case: Case, embedder: Embedder) -> str:
    draft = DraftSentence(case.text, "", ((len(case.text), 1),))
    return Verifier(embedder).over(case.passages).verify(draft).support


def _moved(case: Case, embedder: Embedder) -> bool:
    draft = DraftSentence(case.text, "", ((len(case.text), 2),))
    sentence = Verifier(embedder).over(case.passages).verify(draft)
    return sentence.support == "supported" and [c.number for c in sentence.citations] == [1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--misses", action="store_true", help="show what was marked wrongly")
    parser.add_argument("--tuning", action="store_true", help="the half that thresholds are set on")
    arguments = parser.parse_args()
    if arguments.misses or arguments.tuning:
        embedder = _embedder()
        paragraphs = [p for p in xquad(arguments.data) if p.topic % 2 != arguments.tuning]
        if arguments.misses:
            _show_misses(paragraphs, embedder)
            return
        for one in _measure("tuning", paragraphs, embedder):
            print(f"{one.name}: {one.value:.1f} {one.unit} ({one.detail})")
        return
    for one in measure(arguments.data):
        print(f"{one.name}: {one.value:.1f} {one.unit} ({one.detail})")


def _show_misses(paragraphs: Sequence[Paragraph], embedder: Embedder) -> None:
    right, wrong = cases_of(paragraphs)
    for case in [*right, *wrong]:
        draft = DraftSentence(case.text, "", ((len(case.text), 1),))
        sentence = Verifier(embedder).over(case.passages).verify(draft)
        if (sentence.support == "supported") == (case.wrong is not None):
            bad = [
                f"{c.kind} {c.text!r} {c.verdict} {c.note}"
                for c in sentence.checks
                if c.verdict != "found"
            ]
            print(f"{case.wrong or 'RIGHT'} ({case.made}) {sentence.support}: {case.text}")
            print(f"    quote: {[c.quote.text for c in sentence.citations]}\n    {bad}")


if __name__ == "__main__":
    main()
