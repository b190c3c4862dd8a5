"""What the containers of old Office files say of themselves."""

from __future__ import annotations

from olefile import OleFileIO

from app.ingestion.decoding import decoded


def title_of(container: OleFileIO[str]) -> str:
    """The title that somebody gave the document, if anybody did."""
    about = container.get_metadata()
    title, code_page = getattr(about, "title", None), getattr(about, "codepage", None)
    return decoded(title, f"cp{code_page}").strip("\0 \n") if isinstance(title, bytes) else ""
