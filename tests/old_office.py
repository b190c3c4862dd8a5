"""Word and PowerPoint files as programs before 2007 saved them, made byte by byte."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SECTOR = 512
SMALL = 4096  # streams under it would lie elsewhere: these are filled up
_NONE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def container(streams: Mapping[str, bytes]) -> bytes:
    """An OLE container with these streams; `a/b` is one in a folder."""
    filled = {path: data.ljust(SMALL, b"\0") for path, data in streams.items()}
    above = {folder for path in filled for folder in _folders(path)}
    paths = ["", *sorted(above), *filled]
    within = [[at for at, each in enumerate(paths) if each and _folder(each) == p] for p in paths]
    entries = body = b""
    chains: list[int] = []
    folders = -(-len(paths) * 128 // SECTOR)
    sectors = sum(-(-len(data) // SECTOR) for data in filled.values())
    fats = -(-(sectors + folders) // (SECTOR // 4 - 1))
    first = fats + folders
    for number, path in enumerate(paths):
        beside = within[paths.index(_folder(path))] if path else [number]
        after = next((at for at in beside if at > number), _NONE)
        name, child = path.rpartition("/")[2], next(iter(within[number]), _NONE)
        if path not in filled:
            entries += _entry(name or "Root Entry", 1 if path else 5, after, child=child)
            continue
        data = filled[path]
        count = -(-len(data) // SECTOR)
        start = first + len(chains)
        entries += _entry(name, 2, after, start=start, size=len(data))
        chains += [*range(start + 1, start + count), _END]
        body += data.ljust(count * SECTOR, b"\0")
    folder = [*range(fats + 1, first), _END]
    fat = struct.pack(f"<{fats + folders + len(chains)}I", *[_FAT] * fats, *folder, *chains)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, fats, fats, 0, SMALL, _END, 0, _END, 0)
    head += struct.pack(f"<{fats}I", *range(fats)).ljust(436, b"\xff")
    return head + fat.ljust(fats * SECTOR, b"\xff") + entries.ljust(folders * SECTOR, b"\0") + body


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def msg(
    properties: Mapping[str, bytes],
    *attached: Mapping[str, bytes] | bytes,
    short: Mapping[int, bytes] | None = None,
    path: str = "",
) -> dict[str, bytes]:
    """The streams of an Outlook message, for `container`: properties by number and type.

    `short` are those of eight bytes by their number; of `attached`, messages have been made so too.
    """
    head = 24 if path else 32
    told = b"".join(struct.pack("<HHI", 3, which, 6) + v for which, v in (short or {}).items())
    made = {f"{path}__properties_version1.0": bytes(head) + told}
    made |= {f"{path}__substg1.0_{name}": value for name, value in properties.items()}
    for number, each in enumerate(attached):
        folder = f"{path}__attach_version1.0_#{number:08X}/"
        if isinstance(each, bytes):
            made[f"{folder}__substg1.0_37010102"] = each
            made[f"{folder}__substg1.0_3707001F"] = f"{number}.csv".encode("utf-16-le")
        else:
            made |= msg(each, path=f"{folder}__substg1.0_3701000D/")
    return made


def _entry(
    name: str,
    kind: int,
    after: int = _NONE,
    *,
    child: int = _NONE,
    start: int = _END,
    size: int = 0,
) -> bytes:
    named = name.encode("utf-16-le")
    about = struct.pack("<HBBIII", len(named) + 2, kind, 1, _NONE, after, child)
    return named.ljust(64, b"\0") + about + bytes(36) + struct.pack("<IQ", start, size)


SUMMARY = "\x05SummaryInformation"


def summary(
    about: Mapping[int, bytes | str | int | dt.datetime],
    code_page: int = 1252,
    count: int | None = None,
) -> bytes:
    """What Office writes beside a document of who wrote it, and when, by the properties' numbers.

    Texts are in the code page, or in UTF-16 if they are no bytes; `count` is how many it claims.
    """
    values = {1: struct.pack("<IH2x", 2, code_page)}
    for number, value in about.items():
        if isinstance(value, bytes):
            values[number] = struct.pack("<II", 30, len(value) + 2) + value + b"\0\0"
        elif isinstance(value, str):
            wide = value.encode("utf-16-le") + b"\0\0"
            values[number] = struct.pack("<II", 31, len(wide) // 2) + wide
        else:
            values[number] = struct.pack(
                "<IQ", 64, value if isinstance(value, int) else ticks(value)
            )
    listed = struct.pack("<II", 0, len(values) if count is None else count)
    at = 8 + 8 * len(values)
    for number, value in values.items():
        listed += struct.pack("<II", number, at)
        at += len(value)
    return bytes(44) + struct.pack("<I", 48) + listed + b"".join(values.values())


def ticks(moment: dt.datetime) -> int:
    """Tenths of microseconds since 1601."""
    return (moment - dt.datetime(1601, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 10


@dataclass(frozen=True)
class Typed:
    """A paragraph with its mark; `style` 1 to 9 are headings."""

    text: str
    style: int = 0
    in_table: bool = False
    ends_row: bool = False


def row(*cells: str) -> list[Typed]:
    return [
        *(Typed(f"{cell}\x07", in_table=True) for cell in cells),
        Typed("\x07", in_table=True, ends_row=True),
    ]


def doc(
    *paragraphs: Typed,
    notes: str = "",
    version: int = 0xC1,
    encrypted: bool = False,
    beside: Mapping[str, bytes] | None = None,
) -> bytes:
    """A Word document, its text in pieces of one byte and of two a character by turns.

    `beside` are further streams of its container.
    """
    typed = [*paragraphs, *([Typed(notes + "\r")] if notes else [])]
    text, bounds, places, starts = b"", [0], [], []
    for number, paragraph in enumerate(typed):
        narrow = number % 2 == 0 and paragraph.text.isascii()
        at = 0x400 + len(text)
        starts.append(at)
        places.append(1 << 30 | at * 2 if narrow else at)
        text += paragraph.text.encode("ascii" if narrow else "utf-16-le")
        bounds.append(bounds[-1] + len(paragraph.text))
    pieces = struct.pack(f"<{len(bounds)}i", *bounds)
    pieces += b"".join(struct.pack("<HIH", 0, place, 0) for place in places)
    clx = b"\x01" + struct.pack("<H", 4) + bytes(4) + b"\x02" + struct.pack("<I", len(pieces))
    clx += pieces
    text += bytes(-(0x400 + len(text)) % SECTOR)
    page = (0x400 + len(text)) // SECTOR
    end = 0x400 + len(text)
    properties = struct.pack("<III", 0x400, end, page)
    main = bytearray(0x400)
    flags = 0x0200 | (0x0100 if encrypted else 0)
    struct.pack_into("<HH", main, 0, 0xA5EC, version)
    struct.pack_into("<H", main, 0x0A, flags)
    written = sum(len(paragraph.text) for paragraph in paragraphs)
    struct.pack_into("<ii", main, 0x4C, written, len(notes) + 1 if notes else 0)
    struct.pack_into("<II", main, 0x01A2, 0, len(clx))
    struct.pack_into("<II", main, 0x0102, len(clx), len(properties))
    return container(
        {
            "WordDocument": bytes(main) + text + _properties(typed, [*starts, end]),
            "1Table": clx + properties,
            **(beside or {}),
        }
    )


def _properties(typed: Sequence[Typed], starts: Sequence[int]) -> bytes:
    page = bytearray(SECTOR)
    struct.pack_into(f"<{len(starts)}I", page, 0, *starts)
    at = SECTOR - 2
    for number, paragraph in enumerate(typed):
        codes = struct.pack("<H", paragraph.style)
        codes += struct.pack("<HB", 0x2416, 1) if paragraph.in_table else b""
        codes += struct.pack("<HB", 0x2417, 1) if paragraph.ends_row else b""
        codes += bytes(1 - len(codes) % 2)
        at -= len(codes) + 1
        page[at : at + 1 + len(codes)] = bytes([(len(codes) + 1) // 2]) + codes
        page[4 * len(starts) + 13 * number] = at // 2
    page[-1] = len(typed)
    return bytes(page)


def book(words: str) -> bytes:
    """What an Excel workbook of one sheet with one cell has in its stream `Workbook`."""

    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def begin(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 0))

    listed = struct.pack("<HBB", 0, 5, 0) + b"Tides"
    at = len(begin(5)) + 4 + 4 + len(listed) + 4
    sheet = begin(0x10) + record(
        0x0204, struct.pack("<HHHHB", 0, 0, 0, len(words), 0) + words.encode()
    )
    return (
        begin(5)
        + record(0x0085, struct.pack("<I", at) + listed)
        + record(0x0A)
        + sheet
        + record(0x0A)
    )


TITLE, BODY, NOTES, OTHER = 0, 1, 2, 4


@dataclass(frozen=True)
class Slide:
    """Texts with what they are; `outlined` are in the outline, and the shapes name them."""

    texts: Sequence[tuple[int, str]]
    outlined: Sequence[tuple[int, str]] = ()
    notes: str = ""


def _record(kind: int, body: bytes, *, holds: bool = False, instance: int = 0) -> bytes:
    return struct.pack("<HHI", instance << 4 | (0xF if holds else 0), kind, len(body)) + body


def _text(kind: int, text: str) -> bytes:
    narrow = all(ord(character) < 256 for character in text)
    atom = _record(0x0FA8, text.encode("latin-1")) if narrow else b""
    return _record(0x0F9F, struct.pack("<I", kind)) + (
        atom or _record(0x0FA0, text.encode("utf-16-le"))
    )


def ppt(
    *slides: Slide,
    older: Sequence[Slide] = (),
    encrypted: bool = False,
    beside: Mapping[str, bytes] | None = None,
) -> bytes:
    """A presentation; `older` is what an earlier save had in the place of the same slides.

    `beside` are further streams of its container.
    """
    stream = b""
    before = 0
    for saved in ([older] if older else []) + [slides]:
        part, before = _saved(saved, len(stream), before)
        stream += part
    token = 0xF3D1C4DF if encrypted else 0xE391C05F
    current = _record(0x0FF6, struct.pack("<III", 0x14, token, before))
    streams = {"Current User": current, "PowerPoint Document": stream}
    return container(streams | dict(beside or {}))


def _saved(slides: Sequence[Slide], begins: int, before: int) -> tuple[bytes, int]:
    """One save that begins at byte `begins`, and where its last record is."""
    listed = noted = b""
    objects: list[bytes] = []
    for number, slide in enumerate(slides):
        identity = 256 + number
        persist = struct.pack("<IIiII", 2 + number, 0, len(slide.outlined), identity, 0)
        listed += _record(0x03F3, persist) + b"".join(_text(*each) for each in slide.outlined)
        shapes = b"".join(
            _record(0xF00D, _record(0x0F9E, struct.pack("<i", place)), holds=True)
            for place in range(len(slide.outlined))
        )
        shapes += b"".join(_record(0xF00D, _text(*each), holds=True) for each in slide.texts)
        atom = struct.pack("<12xIII", 0, identity + 1000 if slide.notes else 0, 0)
        body = _record(0x03EF, atom) + _record(0x040C, shapes, holds=True)
        objects.append(_record(0x03EE, body, holds=True))
    for number, slide in enumerate(slides):
        if slide.notes:
            place = 2 + len(objects)
            noted += _record(0x03F3, struct.pack("<IIiII", place, 0, 0, 1256 + number, 0))
            shapes = _record(0xF00D, _text(NOTES, slide.notes), holds=True)
            objects.append(_record(0x03F0, _record(0x040C, shapes, holds=True), holds=True))
    lists = _record(0x0FF0, listed, holds=True) + _record(0x0FF0, noted, holds=True, instance=2)
    document = _record(0x03E8, lists, holds=True)
    data, places = b"", []
    for each in (document, *objects):
        places.append(begins + len(data))
        data += each
    directory = struct.pack("<I", len(places) << 20 | 1) + struct.pack(f"<{len(places)}I", *places)
    directory_at = begins + len(data)
    data += _record(0x1772, directory)
    edit = struct.pack("<IIIIIII", 0, 0, before, directory_at, 1, 9, 0)
    return data + _record(0x0FF5, edit), begins + len(data)
