"""Parsing in processes of its own, so that a document costs itself at most: `Parsing.parse`."""

from app.ingestion.parsing.limits import Limits
from app.ingestion.parsing.parsing import Parsing, ParsingStopped

__all__ = ["Limits", "Parsing", "ParsingStopped"]
