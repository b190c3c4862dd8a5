"""Where the sentences of a text are, in any language: spans of exact character offsets.

Owned, not borrowed: of the libraries that give offsets and are kept up, sentencex 1.0.32 panics on
some texts (`|/`, a newline, `Z`, U+2028 and a full stop), and documents hold every text there is;
pysbd and its heirs rewrite the text to find its sentences; UAX #29 splits at every abbreviation.
"""
# ruff: noqa: RUF001, SIM905
# The full stops of many scripts look alike, and lists of words read best as words.

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

LONGEST = 500
"""Characters of the longest sentence; a text without full stops, as Thai, is cut at a pause."""

# Abbreviations that a sentence hardly ends with …
_TITLES = frozenset(
    "mr mrs ms messrs mme mlle dr prof st sgt capt cmdr lt col gen adm rev hon gov sen rep"
    " approx vs v z cf viz ca bzw evtl ggf inkl sog vgl zzgl mio mrd hr fr hl dipl sra srta dra"
    " ул гг стр рис см им".split()
)
# … unless a number follows, for these …
_REFERENCES = frozenset(
    "fig figs no nos nr vol vols ch sec p pp art abb abs bd núm pág s tel str av ст д г п".split()
)
# … and those that one may end with, as initials do, where one of these words comes next.
_ENDINGS = frozenset("al etc inc ltd co corp jr sr ed eds usw".split())
_OPENERS = frozenset(
    "the a an this that these those it its he she they we you his her their our in on at by for"
    " to from as if when while after before since although however but and so there then what"
    " who how why where der die das ein eine er sie es wir im am bei nach dann".split()
)
# Before a German ordinal, so that "am 3. Oktober" stays whole.
_BEFORE_ORDINALS = frozenset("am vom zum im des der den dem das die bis ab seit und ins".split())

_FENCE = re.compile(r"[ \t]*(```|~~~)")
_ALONE = re.compile(r"[ \t]*(#{1,6}\s|\||[-*_=]{3,}[ \t]*$)")
# As tables are read: "Port: Brest; Depth: 9.5", or "Brest | 9.5" where the columns have no names.
_ROW = re.compile(r"[^:;|\n]{1,80}: [^;\n]*; [^:;|\n]{1,80}: |[^|\n]{1,200} \| ")
_ITEM = re.compile(r"[ \t]*(?:[-*+•‣◦–·>]|\(?(?:\d{1,3}|[a-z])[.)])[ \t]+(?=\S)")
_LINE = re.compile(
    r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|$)"
)

_CLOSERS = "\"'”’»›)\\]}】」』）》〉*_`"
_STOP = re.compile(
    rf"(?P<wide>[。！？｡．]+[{_CLOSERS}]*)"  # ends at once: these scripts put no space
    rf"|(?P<spaced>[.!?…؟۔।॥։።။។]+)[{_CLOSERS}]*(?:\[\w{{1,4}}\])*(?=\s)"  # "at noon.[12] It"
)
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“„«]+$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]|[A-ZÀ-ÞА-Я]")
_NEXT_WORD = re.compile(r"\s+[\"'“„«(\[*_]*(\w+)?")
_PAUSE = re.compile(r"[,;:、，；：)\]](?=\s)|[、，；：]|\s")


def sentence_spans(text: str, *, longest: int | None = LONGEST) -> list[Span]:
    """The `[start, end)` of each sentence of `text`, in order, without white space at either end.

    Every character that is not white space lies in exactly one span. Headings, list items and table
    rows stand alone; fenced code is one span; lines that were only wrapped are read together.
    """
    spans: list[Span] = []
    for start, end, is_code in _blocks(text):
        for span in [(start, end)] if is_code else _sentences(text, start, end):
            spans.extend(_cut(text, *span, longest) if longest else [span])
    return [trimmed for span in spans if (trimmed := _trim(text, *span))]


def announced(text: str, after: int, longest: int = LONGEST) -> list[Span]:
    """What is announced by a colon before `after`, as spans of sentences.

    The code below it, or the items of the list or the rows of the table, of together at most
    `longest` characters; else the sentence that follows. Nothing where that is a heading.
    """
    found: list[Span] = []
    for start, end in sentence_spans(text):
        if start < after or not any(map(str.isalnum, text[start:end])):
            continue
        if end - after > longest or text.startswith("#", start):
            break
        if found:
            goes_on = _is_listed(text, start) or "\n" not in text[found[-1][1] : start]
            if not (goes_on and _is_listed(text, found[0][0])):
                break
        found.append((start, end))
    return found


def _is_listed(text: str, start: int) -> bool:
    patterns = (_ITEM, _ROW)
    return text.startswith("|", start) or any(each.match(text, start) for each in patterns)


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Stretches that no sentence crosses, and whether they are code."""
    start, fence = 0, ""
    for line in _LINE.finditer(text):
        opening = _FENCE.match(line[0])
        if fence:
            if opening and opening[1] == fence:
                yield start, line.end(), True
                start, fence = line.end(), ""
        elif opening:
            yield start, line.start(), False
            start, fence = line.start(), opening[1]
        elif not line[0].strip() or _ALONE.match(line[0]) or _ROW.match(line[0]):
            yield start, line.start(), False
            yield line.start(), line.end(), False
            start = line.end()
        elif _ITEM.match(line[0]):
            yield start, line.start(), False
            start = line.start()
    yield start, len(text), bool(fence)


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    item = _ITEM.match(text, start, end)
    begin = start
    for stop in _STOP.finditer(text, item.end() if item else start, end):
        if stop["wide"] or _ends_a_sentence(text, begin, stop, end):
            yield begin, stop.end()
            begin = stop.end()
    yield begin, end


def _ends_a_sentence(text: str, begin: int, stop: re.Match[str], end: int) -> bool:
    """Whether a mark with white space after it ends a sentence, by the words on either side."""
    following = _NEXT_WORD.match(text, stop.end(), end)
    after = (following[1] or "") if following else ""
    if after[:1].islower():
        return False
    if stop["spaced"] != ".":
        return True
    found = _WORD_BEFORE.search(text, max(begin, stop.start() - 40), stop.start())
    before = found[0] if found else ""
    abbreviation = before.casefold()
    if abbreviation in _ENDINGS or _INITIALS.fullmatch(before):
        return after.casefold() in _OPENERS
    if found is not None and re.fullmatch(r"\d{1,2}", before):
        previous = text[max(begin, found.start() - 20) : found.start()].split()
        return not previous or previous[-1].casefold() not in _BEFORE_ORDINALS
    numbered = abbreviation in _REFERENCES and after[:1].isdigit()
    return abbreviation not in _TITLES and not numbered


def _cut(text: str, start: int, end: int, longest: int) -> Iterator[Span]:
    """Pieces of at most `longest` characters, cut at a pause in the later half if there is one."""
    while end - start > longest:
        pauses = [m.end() for m in _PAUSE.finditer(text, start + longest // 2, start + longest)]
        cut = max(pauses, default=start + longest)
        yield start, cut
        start = cut
    yield start, end


def _trim(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
