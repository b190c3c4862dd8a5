"""Kinds of file in a word or two: as they are shown, and as a filter names them."""

from __future__ import annotations

from collections.abc import Mapping

_OFFICE = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"

KINDS = {
    "application/pdf": "PDF",
    "text/plain": "Text",
    "text/markdown": "Markdown",
    "text/html": "HTML",
    "text/csv": "CSV",
    "text/tab-separated-values": "TSV",
    "text/x-source": "Source code",
    "text/xml": "XML",
    "application/json": "JSON",
    "application/x-ipynb+json": "Notebook",
    "application/rtf": "RTF",
    "application/epub+zip": "EPUB",
    "application/zip": "ZIP",
    "application/x-tar": "TAR",
    "application/gzip": "Gzip",
    "message/rfc822": "E-mail",
    "application/vnd.ms-outlook": "E-mail",
    "application/vnd.ms-excel": "Excel",
    f"{_OFFICE}.wordprocessingml.document": "Word",
    f"{_OFFICE}.presentationml.presentation": "PowerPoint",
    f"{_OFFICE}.spreadsheetml.sheet": "Excel",
    f"{_ODF}.text": "OpenDocument",
    f"{_ODF}.spreadsheet": "OpenDocument",
    f"{_ODF}.presentation": "OpenDocument",
    **dict.fromkeys(
        (f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "tiff")), "Picture"
    ),
}

ALIASES = {
    "txt": "text",
    "md": "markdown",
    "htm": "html",
    "doc": "word",
    "docx": "word",
    "ppt": "powerpoint",
    "pptx": "powerpoint",
    "xls": "excel",
    "xlsx": "excel",
    "eml": "e-mail",
    "msg": "e-mail",
    "email": "e-mail",
    "mail": "e-mail",
    "code": "source-code",
    "source": "source-code",
    "ipynb": "notebook",
    "odt": "opendocument",
    "ods": "opendocument",
    "odp": "opendocument",
    "png": "picture",
    "jpg": "picture",
    "jpeg": "picture",
    "image": "picture",
}
"""What else people call a kind, most of it after the ends of names."""


def kind(media_type: str) -> str:
    """The kind of a file, in a word or two: "PDF", "Source code"."""
    return KINDS.get(media_type) or media_type.partition("/")[2].removeprefix("x-") or media_type


def kind_name(label: str) -> str:
    """What a filter calls the kind that is shown as `label`: "source-code"."""
    return label.casefold().replace(" ", "-")


def known_kind(name: str) -> str | None:
    """The kind that people may mean by `name`, as a filter calls it; None where there is none."""
    wanted = kind_name(name.strip())
    wanted = ALIASES.get(wanted, wanted)
    return wanted if wanted in MEDIA_TYPES else None


def _media_types() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for media_type, label in KINDS.items():
        found[kind_name(label)] = (*found.get(kind_name(label), ()), media_type)
    return found


MEDIA_TYPES = _media_types()
"""The media types of each kind, by what a filter calls it."""
