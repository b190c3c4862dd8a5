"""Word's formulas, which mammoth leaves out, as text in a line: `sin θ=(mλ)/(a)`."""

from __future__ import annotations

from xml.etree import ElementTree as ET

_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FUNCTION_APPLICATION = "\u2061"  # Word's invisible operator between a function and its argument


def with_formulas_as_text(part: bytes) -> bytes:
    """A part of a DOCX with each formula replaced by a run of text; any other part as it is."""
    if b"officeDocument/2006/math" not in part or b"oMath" not in part:
        return part
    root = ET.fromstring(part)  # noqa: S314 - the caller has refused entities
    for parent in root.iter():
        for place, child in enumerate(parent):
            if child.tag in {_MATH + "oMath", _MATH + "oMathPara"}:
                parent[place] = _run(formula_text(child))
    packed: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return packed


def _run(text: str) -> ET.Element:
    run = ET.Element(_WORD + "r")
    ET.SubElement(run, _WORD + "t").text = text.replace(_FUNCTION_APPLICATION, " ")
    return run


def formula_text(element: ET.Element) -> str:  # noqa: C901, PLR0911 - a case for each kind of element
    """What `element`, of a formula in Office's XML, says in a line."""

    def part(name: str) -> str:
        found = element.find(_MATH + name)
        return formula_text(found) if found is not None else ""

    def value(properties: str, name: str, default: str) -> str:
        found = element.find(f"{_MATH}{properties}/{_MATH}{name}")
        return default if found is None else found.get(_MATH + "val", default)

    match element.tag.removeprefix(_MATH):
        case "t":
            return element.text or ""
        case "f":
            return f"({part('num')})/({part('den')})"
        case "sSup":
            return f"{part('e')}^{_grouped(part('sup'))}"
        case "sSub":
            return f"{part('e')}_{_grouped(part('sub'))}"
        case "sSubSup":
            return f"{part('e')}_{_grouped(part('sub'))}^{_grouped(part('sup'))}"
        case "rad":
            degree = part("deg")
            return f"{degree and f'{degree}-th '}√({part('e')})"
        case "d":
            inner = ", ".join(formula_text(each) for each in element.findall(_MATH + "e"))
            return value("dPr", "begChr", "(") + inner + value("dPr", "endChr", ")")
        case "nary":
            bounds = f"_{_grouped(part('sub'))}^{_grouped(part('sup'))}"
            return f"{value('naryPr', 'chr', '∫')}{bounds} {part('e')}"
        case "mr":
            return " ".join(formula_text(each) for each in element) + "; "
        case _:
            return "".join(formula_text(each) for each in element)


def _grouped(text: str) -> str:
    return text if len(text) <= 1 else f"{{{text}}}"
