"""A document's bytes → its text: one parser for each kind of file, chosen by content."""

from app.ingestion.parsers.parser import Parser
from app.ingestion.parsers.registry import PARSERS, Parsed, parse

__all__ = ["PARSERS", "Parsed", "Parser", "parse"]
