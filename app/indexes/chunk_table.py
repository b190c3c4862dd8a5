"""The pytidb `TableModel` of an index: `chunks_<index id>`, with a vector sourced from `content`.

pytidb's sharp edges are gone around here, once:
- `VectorField(index=False)`: else `create_table` asks for a TiFlash replica that most servers lack,
  and leaves a half-made table behind.
- Declaring a table's class twice raises, and `open_table` looks only among declared classes: each
  class has metadata of its own, and is made once for an index and its function, and kept while
  it is used.
- A search fetches every column of the model, the vector included, and `bulk_insert` reads each row
  back: all columns but the id are mapped as deferred, so that both ship little.
- `int` keys are 32 bits and a bare `str` is VARCHAR(255): the columns are spelled out.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import Any, ClassVar, cast

from pytidb import TiDBClient
from pytidb.datatype import BIGINT, CHAR, INTEGER, MEDIUMTEXT, TEXT, VECTOR
from pytidb.embeddings.base import BaseEmbeddingFunction
from pytidb.schema import TableModel, TableModelMeta
from pytidb.table import Table
from sqlalchemy import Column, MetaData, text
from sqlalchemy.orm import deferred
from sqlmodel import Field

from app.database.connection import Database

CHUNKS_A_REVISION = 1 << 20
"""A chunk's id is its revision's id times this, plus its place in the revision.

So ids are known before anything is written, work that is done again hits the same rows, one range
of the primary key is one revision, and every id stays below 2^53, where JavaScript counts exactly.
"""

MOST_MODELS = 500
"""Classes that are kept, of the tables that were used last: each is 150 KB, and made in 10 ms."""

_models: dict[tuple[str, int], type[TableModel]] = {}
_declared = count()
_declaring = threading.Lock()


def chunk_table_name(index_id: int) -> str:
    return f"chunks_{index_id}"


def chunk_id(revision_id: int, ordinal: int) -> int:
    return revision_id * CHUNKS_A_REVISION + ordinal


def chunk_ids_of(revision_id: int) -> tuple[int, int]:
    """The `[first, last)` ids that the chunks of a revision may have."""
    return revision_id * CHUNKS_A_REVISION, (revision_id + 1) * CHUNKS_A_REVISION


def revision_of(chunk_id: int) -> int:
    return chunk_id // CHUNKS_A_REVISION


def chunk_table(client: TiDBClient, index_id: int, function: BaseEmbeddingFunction) -> Table[Any]:
    """The chunk table of an index, as pytidb sees it; nothing is sent to the server."""
    return Table(client=client, schema=_model(index_id, function))


def create_chunk_table(client: TiDBClient, index_id: int, function: BaseEmbeddingFunction) -> None:
    client.create_table(schema=_model(index_id, function), if_exists="skip")


def has_chunk_table(database: Database, index_id: int) -> bool:
    """Whether the index's build has begun, and it has not been dropped."""
    found = text(
        "SELECT COUNT(*) FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name = :name"
    )
    values = {"name": chunk_table_name(index_id)}
    return bool(database.transaction(lambda session: session.scalar(found, values)))


def _model(index_id: int, function: BaseEmbeddingFunction) -> type[TableModel]:
    name = chunk_table_name(index_id)
    key = (name, id(function))  # the class keeps its function alive, so the id stays its own
    with _declaring:
        model = _models.pop(key, None) or _declare(name, function)
        _models[key] = model  # those that were used long ago stand first
        if len(_models) > MOST_MODELS:
            del _models[next(iter(_models))]
        return model


def _declare(name: str, function: BaseEmbeddingFunction) -> type[TableModel]:
    annotations: dict[str, object] = {
        "id": int,
        "document_id": int,
        "revision_id": int,
        "start": int,
        "end": int,
        "page": int | None,
        "section_path": str,
        "content_hash": str,
        "content": str,
        "embedding": list[float],
    }
    columns: dict[str, Column[Any]] = {
        "id": Column("id", BIGINT, primary_key=True, autoincrement=False),
        "document_id": Column("document_id", BIGINT, nullable=False, index=True),
        "revision_id": Column("revision_id", BIGINT, nullable=False),
        "start": Column("start", INTEGER, nullable=False),
        "end": Column("end", INTEGER, nullable=False),
        "page": Column("page", INTEGER),
        "section_path": Column("section_path", TEXT, nullable=False),
        "content_hash": Column("content_hash", CHAR(64), nullable=False, index=True),
        "content": Column("content", MEDIUMTEXT, nullable=False),
        "embedding": Column("embedding", VECTOR(function.dimensions), nullable=False),
    }
    fields = {name: Field(sa_column=column) for name, column in columns.items()}
    fields["page"].default = None
    fields["embedding"] = function.VectorField(
        source_field="content", index=False, sa_column=columns["embedding"]
    )
    body = {
        **fields,
        "__annotations__": {**annotations, "metadata": ClassVar[MetaData]},
        "__module__": __name__,
        "__tablename__": name,
        "__mapper_args__": {
            "properties": {field: deferred(c) for field, c in columns.items() if field != "id"}
        },
        "metadata": MetaData(naming_convention={"ix": "ix_%(column_0_N_name)s"}),
    }
    # A name of its own, too: the mapper's registry warns of two classes of one name.
    model = TableModelMeta(f"{name}_{next(_declared)}", (TableModel,), body)  # type: ignore[no-untyped-call]
    return cast("type[TableModel]", model)
