"""IPYNB: a notebook's words as Markdown, its code fenced, its outputs cut short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.decoding import cleaned, decoded
from app.ingestion.file_kinds import NOTEBOOK
from app.ingestion.parsers.draft import fenced
from app.ingestion.parsers.markdown import parsed_markdown

LONGEST_OUTPUT = 2_000


@dataclass(frozen=True)
class NotebookParser:
    """Pictures in outputs are not read."""

    name: str = "notebook"
    version: str = "1"
    media_types: frozenset[str] = frozenset({NOTEBOOK})

    def parse(self, data: bytes) -> ParsedText:
        try:
            notebook = json.loads(decoded(data))
        except ValueError as fault:
            raise UnreadableDocument("The notebook is damaged or incomplete.") from fault
        kernel = notebook.get("metadata", {}).get("kernelspec", {})
        language = str(kernel.get("language") or "python")
        # Until version 4 of the format, cells were in worksheets.
        sheets = notebook.get("worksheets", [notebook])
        cells = [cell for sheet in sheets for cell in sheet.get("cells", ())]
        blocks = (block for cell in cells for block in _blocks(cell, language))
        return parsed_markdown(cleaned("\n\n".join(blocks)))


def _blocks(cell: dict[str, Any], language: str) -> Iterator[str]:
    source = _joined(cell.get("source", cell.get("input", "")))
    if not source.strip():
        return
    if cell.get("cell_type") != "code":
        marks = "#" * int(cell.get("level", 0)) if cell.get("cell_type") == "heading" else ""
        yield f"{marks} {source}" if marks else source
        return
    yield fenced(source, language)
    for output in cell.get("outputs", ()):
        text = _joined(output.get("text") or output.get("data", {}).get("text/plain", ""))
        if output.get("output_type") in {"error", "pyerr"}:
            text = f"{output.get('ename')}: {output.get('evalue')}"
        if text.strip():
            shown = text[:LONGEST_OUTPUT] + ("…" if len(text) > LONGEST_OUTPUT else "")
            yield fenced(shown)


def _joined(lines: object) -> str:
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines)
