"""Made things: small documents of every kind that Tidemark reads."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

from docx import Document as WordDocument
from openpyxl import Workbook
from pptx import Presentation
from pptx.util import Inches
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from app.documents.model import ParsedText, Section

LINE_HEIGHT = 14
TOP = 760
LEFT = 72


def pdf(
    *pages: Sequence[str],
    title: str | None = None,
    outline: Sequence[tuple[str, int, int]] = (),
    password: str | None = None,
    header: str | None = None,
    numbered: bool = False,
    columns: Sequence[Sequence[str]] = (),
    rows: Sequence[Sequence[str]] = (),
) -> bytes:
    """A PDF of pages of lines; one that begins with `# ` is set large, an empty one is a gap.

    `outline` has (title, level from 0, page from 0); `columns` fills one page more, side by side;
    `rows`, another, each cell drawn by itself, without lines around them.
    """
    file = io.BytesIO()
    encryption = StandardEncryption(password) if password else None
    canvas = Canvas(file, pagesize=A4, encrypt=encryption)
    if title:
        canvas.setTitle(title)
    for number, lines in enumerate(pages):
        for entry, level, page in outline:
            if page == number:
                canvas.bookmarkPage(entry)
                canvas.addOutlineEntry(entry, entry, level)
        if header:
            canvas.setFont("Helvetica", 9)
            canvas.drawString(LEFT, A4[1] - 30, header)
        _lines(canvas, lines, LEFT)
        if numbered:
            canvas.setFont("Helvetica", 9)
            canvas.drawCentredString(A4[0] / 2, 40, f"Page {number + 1}")
        canvas.showPage()
    if columns:
        for place, lines in enumerate(columns):
            _lines(canvas, lines, LEFT + 240 * place)
        canvas.showPage()
    if rows:
        _table(canvas, rows)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _lines(canvas: Canvas, lines: Sequence[str], left: float) -> None:
    height = TOP
    for line in lines:
        canvas.setFont("Helvetica", 20 if line.startswith("# ") else 11)
        canvas.drawString(left, height, line.removeprefix("# "))
        height -= 2 * LINE_HEIGHT if line.startswith("# ") else LINE_HEIGHT


def _table(canvas: Canvas, rows: Sequence[Sequence[str]]) -> None:
    canvas.setFont("Helvetica", 11)
    for down, row in enumerate(rows):
        for across, cell in enumerate(row):
            canvas.drawString(LEFT + 110 * across, TOP - LINE_HEIGHT * down, cell)


def scanned_pdf(pages: int = 1) -> bytes:
    """A PDF of pictures of pages, with no text."""
    from PIL import Image

    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for _ in range(pages):
        canvas.drawImage(ImageReader(Image.new("L", (200, 280), 200)), 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def docx(
    *blocks: str | Sequence[Sequence[str]], title: str | None = None, comment: str | None = None
) -> bytes:
    """A Word document: `# ` and `## ` begin headings, `- ` items; a sequence of rows is a table."""
    document = WordDocument()
    document.core_properties.title = title or ""
    for block in blocks:
        if not isinstance(block, str):
            table = document.add_table(rows=0, cols=len(block[0]))
            for row in block:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        elif block.startswith("#"):
            marks, text = block.split(" ", 1)
            document.add_heading(text, level=len(marks))
        elif block.startswith("- "):
            document.add_paragraph(block[2:], style="List Bullet")
        else:
            runs = document.add_paragraph(block).runs
            if comment:
                document.add_comment(runs, text=comment)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def with_part(package: bytes, name: str, content: bytes) -> bytes:
    """A ZIP package with one member put in, or put in another's place."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(package)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content)
    return file.getvalue()


def zipped(**members: bytes | str) -> bytes:
    """A ZIP of members; `__` in a name stands for `/`, and `_dot_` for a dot."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_dot_", ".").replace("__", "/"), content)
    return file.getvalue()


def html(body: str, *, title: str | None = None, head: str = "") -> bytes:
    """A whole page around `body`."""
    named = f"<title>{title}</title>" if title is not None else ""
    return f"<!doctype html><html><head>{named}{head}</head><body>{body}</body></html>".encode()


def parsed(text: str, *starts: tuple[int, tuple[str, ...]], page: int | None = None) -> ParsedText:
    """A text whose sections begin at `starts`; one section without any."""
    begins = starts or ((0, ()),)
    ends = [start for start, _ in begins[1:]] + [len(text)]
    made = (
        Section(start, end, path, page)
        for (start, path), end in zip(begins, ends, strict=True)
        if start < end
    )
    return ParsedText(text, tuple(made))


def xlsx(**sheets: Sequence[Sequence[object]]) -> bytes:
    """A workbook of sheets of rows."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def pptx(
    *slides: tuple[str, Sequence[str]], notes: str = "", table: Sequence[Sequence[str]] = ()
) -> bytes:
    """A presentation of slides of (title, list); `notes` and `table` are on the last of them."""
    presentation = Presentation()
    for title, items in slides:
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = "\n".join(items)
    if notes:
        slide.notes_slide.notes_text_frame.text = notes
    if table:
        size = (len(table), len(table[0]))
        shape = slide.shapes.add_table(*size, Inches(1), Inches(5), Inches(6), Inches(1))
        for row, texts in zip(shape.table.rows, table, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
    file = io.BytesIO()
    presentation.save(file)
    return file.getvalue()


def notebook(*cells: tuple[str, str, str]) -> bytes:
    """A notebook of cells of (kind, source, output)."""
    made = []
    for kind, source, output in cells:
        cell: dict[str, object] = {"cell_type": kind, "source": source.splitlines(keepends=True)}
        if output:
            cell["outputs"] = [{"output_type": "stream", "text": output.splitlines(keepends=True)}]
        made.append(cell)
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4}).encode()


def epub(*chapters: str, title: str = "Tides", author: str = "Ann Shore") -> bytes:
    """A book of chapters of HTML; its table of contents is among them."""
    container = '<container><rootfiles><rootfile full-path="in/book.opf"/></rootfiles></container>'
    items = "".join(
        f'<item id="c{number}" href="chapter%20{number}.xhtml" media-type="application/xhtml+xml"/>'
        for number, _ in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{number}"/>' for number, _ in enumerate(chapters))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title><dc:creator>{author}</dc:creator></metadata>"
        '<manifest><item id="n" href="nav.xhtml" properties="nav"/>'
        f'{items}</manifest><spine><itemref idref="n"/>{spine}</spine></package>'
    )
    members = {f"in/chapter {number}.xhtml": text for number, text in enumerate(chapters)}
    return zip_of(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "in/book.opf": package,
            "in/nav.xhtml": "<p>Contents</p>",
            **members,
        }
    )


def zip_of(members: Mapping[str, bytes | str]) -> bytes:
    """A ZIP of files by their name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tar_of(members: Mapping[str, bytes], packed: str = "") -> bytes:
    """A TAR of files by their name, `packed` by "gz", "bz2" or "xz"."""
    file = io.BytesIO()
    modes = {"gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz", "": "w:"}
    with tarfile.open(fileobj=file, mode=modes[packed]) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def eml(
    body: str,
    *,
    subject: str = "Tides",
    html: str = "",
    attached: Mapping[str, bytes] | None = None,
) -> bytes:
    """An e-mail from Ann to Bob."""
    message = EmailMessage()
    message["From"], message["To"] = "Ann Größe <ann@example.com>", "bob@example.com"
    message["Subject"], message["Date"] = subject, "Wed, 01 May 2024 12:00:00 +0000"
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    for name, content in (attached or {}).items():
        kind = {"maintype": "application", "subtype": "octet-stream"}
        message.add_attachment(content, filename=name, **kind)
    return message.as_bytes()


_ODF_NAMES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for short, long in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "presentation": "presentation",
    }.items()
)


def odf(kind: str, content: str, title: str = "") -> bytes:
    """An OpenDocument "text", "spreadsheet" or "presentation" with this content."""
    body = f"<office:body><office:{kind}>{content}</office:{kind}></office:body>"
    dublin_core = "http://purl.org/dc/elements/1.1/"
    return zip_of(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "META-INF/manifest.xml": "<manifest/>",
            "meta.xml": f'<meta><title xmlns="{dublin_core}">{title}</title></meta>',
            "content.xml": f"<office:document {_ODF_NAMES}>{body}</office:document>",
        }
    )


def xlsb(sheet: str, rows: Sequence[Sequence[str]]) -> bytes:
    """A binary workbook of one sheet, `xl/worksheets/sheet1.bin`."""

    def record(kind: int, content: bytes = b"") -> bytes:
        numbered = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
        return numbered + bytes([len(content)]) + content

    def text(words: str) -> bytes:
        return struct.pack("<I", len(words)) + words.encode("utf-16-le")

    cells = record(0x94, struct.pack("<4I", 0, len(rows) - 1, 0, len(rows[0]) - 1)) + record(0x91)
    for y, row in enumerate(rows):
        cells += record(0x00, struct.pack("<I", y) + bytes(13))
        for x, words in enumerate(row):
            cells += record(0x06, struct.pack("<II", x, 0) + text(words))
    listed = record(0x9C, struct.pack("<II", 0, 1) + text("rId1") + text(sheet))
    return zip_of(
        {
            "xl/workbook.bin": listed + record(0x90) + record(0x84),
            "xl/_rels/workbook.bin.rels": '<Relationships><Relationship Id="rId1"'
            ' Type="x/worksheet" Target="worksheets/sheet1.bin"/></Relationships>',
            "xl/worksheets/sheet1.bin": cells + record(0x92),
        }
    )


def xls(rows: Sequence[Sequence[str | float]]) -> bytes:
    """A sheet as the first Excel saved one, without the container of later ones."""

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    cells = [record(0x0009, struct.pack("<HH", 2, 0x10))]
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            place = struct.pack("<HH3x", y, x)
            if isinstance(value, str):
                text = value.encode("cp1252")
                cells.append(record(0x0004, place + bytes([len(text)]) + text))
            else:
                cells.append(record(0x0003, place + struct.pack("<d", value)))
    return b"".join([*cells, record(0x000A, b"")])


_ROOT, _STORAGE, _STREAM = 5, 1, 2
_NONE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def ole(*streams: str, embedded: Sequence[str] = ()) -> bytes:
    """An OLE container with empty streams; `embedded` are in a storage below the top."""
    below = len(streams) + 2
    top = [(name, _STREAM, _NONE) for name in streams]
    top += [("Embedding 1", _STORAGE, below)] if embedded else []
    listed = [_entry("Root Entry", _ROOT, child=1)]
    for each in (top, [(name, _STREAM, _NONE) for name in embedded]):
        for place, (name, kind, child) in enumerate(each, 1):
            after = _NONE if place == len(each) else len(listed) + 1
            listed.append(_entry(name, kind, after, child))
    entries = b"".join(listed)
    entries += bytes(-len(entries) % 512)
    chain = [_FAT, *range(2, len(entries) // 512 + 1), _END]
    fat = struct.pack(f"<{len(chain)}I", *chain).ljust(512, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, _END, 0, _END, 0)
    head += struct.pack("<I", 0).ljust(436, b"\xff")
    return head + fat + entries


def _entry(name: str, kind: int, after: int = _NONE, child: int = _NONE) -> bytes:
    named = name.encode("utf-16-le")
    about = struct.pack("<HBBIII", len(named) + 2, kind, 1, _NONE, after, child)
    return named.ljust(64, b"\0") + about + bytes(36) + struct.pack("<IQ", _END, 0)
