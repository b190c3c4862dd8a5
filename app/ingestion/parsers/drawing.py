"""What is drawn in Office's documents and has words: charts, SmartArt and text boxes (DrawingML).

Elements go by their local names: the strict variant of the formats differs in namespaces alone.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

from openpyxl.styles.numbers import is_date_format
from openpyxl.utils.datetime import from_excel

from app.errors import UnreadableDocument
from app.ingestion.parsers.rows import joined_cell
from app.ingestion.parsers.spreadsheet import cell_text
from app.ingestion.parsers.xml_tree import local_name, tree

MOST_POINTS = 2_000
"""Of a series that are written; more are a table's, which is elsewhere."""
_DEEPEST = 20
_DOCUMENT = "doc"  # the type of the point that all others hang below
_ASIDE = frozenset({"parTrans", "sibTrans", "pres"})  # arrows, and how it looks

Read = Callable[[str], bytes | None]
"""The bytes of the part that has a name, if it is there."""
Related = Callable[[str], bytes | None]
"""The bytes of the part that has a relation's id, if it is there."""


def drawn_text(element: ET.Element, related: Related) -> Iterator[str]:
    """The text of each thing that is drawn under `element`, as it stands in the file."""
    # Within a list of ways to show the same, the first is read and the last is left.
    if local_name(element) == "Fallback":
        return
    kind = local_name(element)
    if kind == "txBody":
        yield "\n".join(paragraphs(element))
    elif kind == "pic":
        described = next(_named(element, "cNvPr"), None)
        yield "" if described is None else described.get("descr", "")
    elif kind == "chart":
        yield _of_part(related(_attribute(element, "id")), chart_text)
    elif kind == "relIds":
        yield _of_part(related(_attribute(element, "dm")), diagram_text)
    else:
        for child in element:
            yield from drawn_text(child, related)


def chart_text(space: ET.Element) -> str:
    """A chart's title, the titles of its axes, and each series with its categories and values."""
    lines: list[str] = []
    for chart in _children(space, "chart"):
        lines += map(_title, _children(chart, "title"))
        for area in _children(chart, "plotArea"):
            axes = [_title(title) for axis in area for title in _children(axis, "title")]
            lines.append(" | ".join(filter(None, axes)))
            lines += map(_series_text, _named(area, "ser"))
            lines += (_newer_series_text(each, space) for each in _named(area, "series"))
    return "\n".join(filter(None, lines))


def diagram_text(diagram: ET.Element) -> str:
    """SmartArt as a list: what hangs below another is an item of it."""
    words = {
        point.get("modelId", ""): joined_cell(" ".join(paragraphs(point)))
        for point in _named(diagram, "pt")
        if point.get("type") not in _ASIDE
    }
    roots = [p.get("modelId", "") for p in _named(diagram, "pt") if p.get("type") == _DOCUMENT]
    below: dict[str, list[tuple[int, str]]] = {}
    for link in _named(diagram, "cxn"):
        if link.get("type", "parOf") == "parOf":
            order = link.get("srcOrd", "")
            item = (int(order) if order.isdecimal() else 0, link.get("destId", ""))
            below.setdefault(link.get("srcId", ""), []).append(item)

    def lines(point: str, depth: int) -> Iterator[str]:
        text = words.pop(point, "")  # each once, however they are linked
        if text:
            yield f"{'  ' * depth}- {text}"
        if depth < _DEEPEST:
            for _, under in sorted(below.get(point, ())):
                if under in words:
                    yield from lines(under, depth + bool(text))

    listed = [line for root in roots for line in lines(root, 0)]
    return "\n".join(listed + [f"- {text}" for text in words.values() if text])


def paragraphs(element: ET.Element) -> Iterator[str]:
    """The paragraphs under `element` that have words, a line each."""
    for paragraph in _named(element, "p"):
        text = joined_cell("".join(map(_run, paragraph.iter())))
        if text:
            yield text


def _run(element: ET.Element) -> str:
    kind = local_name(element)
    return element.text or "" if kind == "t" else " " * (kind == "br")


def relations(part: str, read: Read) -> dict[str, tuple[str, str]]:
    """The last word of the kind, and the part's name, of all that `part` leads to, by id."""
    folder, name = posixpath.split(part)
    listed = read(posixpath.join(folder, "_rels", name + ".rels"))
    try:
        each = [] if listed is None else list(_named(tree(listed), "Relationship"))
    except (ET.ParseError, UnreadableDocument):
        return {}
    return {
        one.get("Id", ""): (
            one.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, one.get("Target", ""))).lstrip("/"),
        )
        for one in each
        if one.get("TargetMode") != "External"
    }


def related_by(part: str, read: Read) -> Related:
    """What the relations of `part` lead to, in a package of which `read` gives the parts."""
    found = relations(part, read)
    return lambda identity: read(found[identity][1]) if identity in found else None


def _of_part(part: bytes | None, text_of: Callable[[ET.Element], str]) -> str:
    try:
        return "" if part is None else text_of(tree(part))
    except (ET.ParseError, UnreadableDocument):
        return ""  # what is around it does not depend on it


def _series_text(series: ET.Element) -> str:
    name = " ".join(map(_title, _children(series, "tx")))
    told = {local_name(each): _points(each) for each in series}
    categories = told.get("cat") or told.get("xVal") or {}
    return _told(name, categories, told.get("val") or told.get("yVal") or {})


def _told(name: str, categories: dict[str, str], values: dict[str, str]) -> str:
    cells = [
        f"{categories[at]}: {value}" if at in categories else value for at, value in values.items()
    ]
    return ": ".join(filter(None, (name, "; ".join(cells[:MOST_POINTS]))))


def _newer_series_text(series: ET.Element, space: ET.Element) -> str:
    """Of a treemap, a waterfall and their like, whose values stand apart from the series."""
    named = " ".join(map(_title, _children(series, "tx")))
    identity = next((each.get("val") for each in _children(series, "dataId")), None)
    data = next((each for each in _named(space, "data") if each.get("id") == identity), space)
    words, numbers = (next(_named(data, kind), None) for kind in ("strDim", "numDim"))
    return _told(named, _points(words), _points(numbers))


def _points(values: ET.Element | None) -> dict[str, str]:
    """The values that were last seen, by their place; of nested categories, the outer one first."""
    points: dict[str, str] = {}
    if values is None:
        return points
    numbers = local_name(values) == "numDim" or any(True for _ in _named(values, "numCache"))
    shown_as = next((each.text or "" for each in _named(values, "formatCode")), "")
    shown_as = shown_as or next((each.get("formatCode", "") for each in _named(values, "lvl")), "")
    for level in list(_named(values, "lvl")) or [values]:
        for point in _named(level, "pt"):
            at = point.get("idx", "")
            text = joined_cell(" ".join(_values(point)) or point.text or "")
            text = _number(text, shown_as) if numbers else text
            points[at] = f"{text}, {points[at]}" if at in points else text
    return points


def _number(text: str, shown_as: str) -> str:
    try:
        value = float(text)
        return cell_text(from_excel(value) if is_date_format(shown_as) else value)
    except (ValueError, OverflowError):
        return text


def _title(element: ET.Element) -> str:
    return " ".join(paragraphs(element)) or joined_cell(" ".join(_values(element)))


def _values(element: ET.Element) -> Iterator[str]:
    return (each.text or "" for each in _named(element, "v"))


def _children(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (each for each in element if local_name(each) == name)


def _named(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (each for each in element.iter() if local_name(each) == name)


def _attribute(element: ET.Element, name: str) -> str:
    return next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == name), "")
