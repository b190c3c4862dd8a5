"""What a collection and its documents are called in Tidemark."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, unquote

from app.documents.names import document_name
from app.errors import InvalidName

KIND = ".txt"  # so that every document is read as text, whatever its id ends in
LONGEST_BASE = 40  # characters of a collection's name in its knowledge base's


def knowledge_base_name(collection: str, suffix: str = "") -> str:
    """The knowledge base of a collection's own, as `evaluate-scifact`."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", collection.lower())[:LONGEST_BASE].strip("-._")
    if not plain:  # not a letter in it that may stand in an address
        plain = hashlib.sha256(collection.encode()).hexdigest()[:8]
    return f"evaluate-{plain}{suffix}"


def name_of(identifier: str) -> str:
    """The name of the document with that id: the id itself where it may be a name.

    Any other id is written in percent-encoding; `id_of` turns both back.

    Raises:
        InvalidName: it is too long even so.
    """
    name = identifier + KIND
    if "%" not in identifier and _may_be_name(name):
        return name
    return document_name(quote(identifier, safe="", errors="surrogatepass") + KIND)


def id_of(name: str) -> str:
    """The id of the document that `name_of` named."""
    return unquote(name.removesuffix(KIND), errors="surrogatepass")


def _may_be_name(name: str) -> bool:
    try:
        return document_name(name) == name
    except InvalidName:
        return False
