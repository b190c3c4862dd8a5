"""What a document may be called: a label of one line, which may keep the folders it came from."""

from __future__ import annotations

import unicodedata

from app.errors import InvalidName

LONGEST_NAME = 500  # characters

# Controls, lone surrogates, line and paragraph ends. Marks that join emoji, private characters and
# those newer than this Python's tables may stand in a name.
UNSHOWABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the direction of what follows: "fdp.exe" is then shown as "exe.pdf".
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def document_name(label: str) -> str:
    """The name of a document that comes from elsewhere as `label`: a file's name, or a path to it.

    Folders are kept, parted by "/" whatever they were parted by; so is the last part. The same
    letters make the same name however they are composed (Unicode NFC). It is never used as a path.

    Raises:
        InvalidName: `label` leads out of its folder, is too long, or cannot be shown in one line.
    """
    parts = unicodedata.normalize("NFC", label).replace("\\", "/").split("/")
    if ".." in parts:
        raise InvalidName(
            f"{_shown(label)} leads out of its folder.",
            remedy="Give the file a name without '..' in it.",
        )
    return checked_document_name("/".join(p for p in parts if p not in {"", "."}).strip())


def checked_document_name(name: str) -> str:
    """`name` if it may name a document: one line that can be shown.

    Raises:
        InvalidName: it is empty, too long, or has characters that cannot be shown.
    """
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidName(
            f"A document's name has 1 to {LONGEST_NAME} characters; this one has {len(name)}."
        )
    if any(unicodedata.category(c) in UNSHOWABLE or c in TURNING for c in name):
        raise InvalidName(f"{_shown(name)} has characters that cannot be shown.")
    return name


def _shown(name: str) -> str:
    return ascii(name[:80])
