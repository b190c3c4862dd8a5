"""A knowledge base as one file, to be taken to another Tidemark on any TiDB.

The file is a TAR. `tidemark.json` comes first and says what it is; then the documents, each as
`documents/<number>/document.json` and beside it `text`, `sections.json`, `vectors` (if they were
asked for) and `original`; then `questions.json`, which has synonyms and saved searches too; and
`end.json`, which counts the documents. A document's JSON has the size and the SHA-256 of each of
its files, and `end.json` has the SHA-256 of all JSON before it: so no byte can change unseen.
docs/running.md describes it for other programs.
"""

from app.ingestion.portable.exporting import Export
from app.ingestion.portable.importing import Import, Imported
from app.ingestion.portable.query_help import Helped, QueryHelp

__all__ = ["Export", "Helped", "Import", "Imported", "QueryHelp"]
