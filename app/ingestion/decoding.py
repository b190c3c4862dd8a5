"""Bytes of a text → the text as Tidemark keeps it."""

from __future__ import annotations

import codecs
import re
import unicodedata

from charset_normalizer import from_bytes

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The share of zero bytes where a Latin text in UTF-16 has them, and where it has none.
_MANY, _FEW = 0.6, 0.05

SAMPLE_BYTES = 64_000
"""How much of a long text an encoding is guessed from."""

_JAPANESE, _KOREAN = re.compile(rb"\x1b\$[@B]"), b"\x1b$)C"  # how their letters begin there
_AS_BROWSERS = {
    **dict.fromkeys(
        ("iso-8859-1", "iso8859-1", "latin-1", "latin1", "ascii", "us-ascii"), "cp1252"
    ),
    **dict.fromkeys(("shift-jis", "shiftjis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    "x-euc-jp": "euc_jp",
    "euc-kr": "cp949",
    "ks-c-5601-1987": "cp949",
    "ksc5601": "cp949",
    **dict.fromkeys(("gb2312", "gb-2312-80", "x-gbk", "gbk"), "gb18030"),
    "big5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
    "iso-8859-11": "cp874",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
}
"""What browsers read under these names, and what such documents are in."""
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SOFT_HYPHEN = "\u00ad"
# What western texts have beyond ASCII: letters, and the punctuation that word processors put.
# No western word has so many letters with marks in a row.
_FOREIGN = re.compile("[\u00c0-\u00ff]{4}")
_WESTERN = re.compile(
    "[\x00-\x7f\u00a0\u00a1\u00a3\u00a7\u00a9\u00ab\u00ae\u00b0\u00b4\u00b7\u00bb\u00bf\u00c0-\u00d6\u00d8-\u00f6"
    "\u00f8-\u00ff\u0152\u0153\u2013\u2014\u2018-\u201a\u201c-\u201e\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]*\\Z"
)


def decoded(data: bytes, declared: str | None = None) -> str:
    """The text that `data` holds, cleaned as `cleaned` says.

    A byte order mark decides; then what an encoding of e-mail has in ASCII's bytes; then UTF-8 if
    it is valid (or nearly: a stray byte becomes U+FFFD); then `declared`, an encoding the document
    names for itself; then what the bytes look like. Some text always comes out: whether `data` is a
    text at all is `media_type`'s question.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return cleaned(data[len(mark) :].decode(encoding, errors="replace"))
    wide = wide_encoding(data)
    if wide:
        return cleaned(data.decode(wide, errors="replace"))
    shifted = _shifted(data, declared) if data.isascii() else None
    if shifted is not None:
        return cleaned(shifted)
    try:
        return cleaned(data.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    # A few broken bytes do not make it another encoding.
    text = data.decode("utf-8", errors="replace")
    beyond_ascii = sum(character > "\x7f" for character in text)
    if text.count("\ufffd") * 20 < beyond_ascii:
        return cleaned(text)
    return cleaned(data.decode(known_encoding(declared) or _guessed(data), errors="replace"))


def cleaned(text: str) -> str:
    """`text` in the form every revision has.

    Lines end in `\\n` alone; NUL and other control characters become spaces, lone surrogates
    U+FFFD; soft hyphens and byte order marks go; letters with marks are composed (NFC), so
    that a word is found, and a quote matches, whichever way a keyboard or a PDF spelled it.
    """
    text = _LINE_ENDS.sub("\n", text.replace("\ufeff", ""))
    text = _CONTROLS.sub(" ", text).replace(_SOFT_HYPHEN, "")
    return unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", text))


def cleaned_line(text: str) -> str:
    """`text` as `cleaned` makes it, in one line with single spaces: a title, a name, a label."""
    return " ".join(cleaned(text).split())


def wide_encoding(data: bytes) -> str | None:
    """The UTF-16 or UTF-32 that `data` is in without a mark, told by where its zero bytes are."""
    sample = data[: SAMPLE_BYTES // 4 * 4]
    if not sample or 0 not in sample:
        return None
    quarters = [sample[i::4].count(0) * 4 / len(sample) for i in range(4)]
    for encoding, zero, full in (
        ("utf-32-le", (1, 2, 3), (0,)),
        ("utf-32-be", (0, 1, 2), (3,)),
        ("utf-16-le", (1, 3), (0, 2)),
        ("utf-16-be", (0, 2), (1, 3)),
    ):
        if all(quarters[i] > _MANY for i in zero) and all(quarters[i] < _FEW for i in full):
            return encoding
    return None


def known_encoding(declared: str | None) -> str | None:
    """The encoding that is meant by a name which a document gives; None if nobody knows it."""
    if not declared:
        return None
    name = declared.strip().lower().replace("_", "-")
    name = _AS_BROWSERS.get(name, name)
    try:
        b" ".decode(name)
    except (LookupError, ValueError):  # unknown, or no text encoding; with a NUL, or two bytes wide
        return None
    return name


def _shifted(data: bytes, declared: str | None) -> str | None:
    """The text of `data` where letters beyond ASCII are written in ASCII's bytes: ISO 2022 and kin.

    As valid UTF-8 it would be read as noise.
    """
    name = codecs.lookup(known_encoding(declared) or "ascii").name
    names = [name] if name.startswith("iso2022") or name in {"hz", "utf-7"} else []
    if _JAPANESE.search(data):
        names += ["iso2022_jp_ext", "iso2022_jp_2"]
    elif _KOREAN in data:
        names.append("iso2022_kr")
    for each in names:
        try:
            return data.decode(each)
        except ValueError:
            continue
    return None


def _guessed(data: bytes) -> str:
    sample = data[:SAMPLE_BYTES]
    # For short western texts the detector guesses rare encodings; a look at the letters settles it.
    western = sample.decode("cp1252", errors="replace")
    beyond_ascii = sum(character > "\x7f" for character in western)
    mostly_ascii = beyond_ascii * 2 < len(western) and not _FOREIGN.search(western)
    if mostly_ascii and _WESTERN.match(western):
        return "cp1252"
    best = from_bytes(sample).best()
    return best.encoding if best else "cp1252"
