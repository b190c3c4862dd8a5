"""A Tidemark of a benchmark's own: its TiDB, its data, nothing of the person's who runs it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config import Settings, load_settings


@contextmanager
def own_settings() -> Iterator[Settings]:
    """Settings with an empty data folder, and the embedded TiDB whatever is configured."""
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder:
        update = {"data_dir": Path(folder), "tidb_database_url": None, "port": 0}
        yield load_settings().model_copy(update=update)
