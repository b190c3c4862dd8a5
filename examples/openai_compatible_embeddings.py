"""The tutorial "OpenAI-Compatible Embeddings" of TiDB's documentation, on Tidemark's own TiDB.

`python examples/openai_compatible_embeddings.py`; the settings choose the model: see README.md.
"""

import sys
from contextlib import ExitStack
from functools import partial

from pytidb.datatype import TEXT
from pytidb.schema import TableModel
from sqlmodel import Field

from app.config import load_settings
from app.database.connection import Database
from app.embedding import make_embedder
from app.opening import database_url

TEXTS = (
    "Java: Object-oriented language for cross-platform development.",
    "Java coffee: Bold Indonesian beans with low acidity.",
    "Java island: Densely populated, home to Jakarta.",
    "Java's syntax is used in Android apps.",
    "Dark roast Java beans enhance espresso blends.",
)

settings, announce = load_settings(), partial(print, file=sys.stderr)
embed = make_embedder(settings, announce).function  # an EmbeddingFunction, which pytidb calls


class Document(TableModel, table=True):
    """A text and its vector, which pytidb has made of the text when a row is written."""

    __tablename__ = "sample_documents"
    id: int = Field(primary_key=True)
    content: str = Field(sa_type=TEXT)
    # Without an index the search is exact, and TiDB needs no TiFlash.
    embedding: list[float] = embed.VectorField(source_field="content", index=False)


with ExitStack() as stack:  # starts TiDB, unless TIDB_DATABASE_URL names one, and stops it again
    client = Database.connect(database_url(settings, announce, stack)).client
    stack.callback(client.disconnect)
    table = client.create_table(schema=Document, if_exists="overwrite")
    table.bulk_insert([Document(id=at, content=text) for at, text in enumerate(TEXTS, start=1)])
    found = table.search("How to start learning Java programming?").limit(2).to_rows()

for document, _distance, score in found:
    print(f"{score:.3f}  {document.content}")  # noqa: T201 - it is what the program is for
