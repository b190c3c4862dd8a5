"""Graphs built from safetensors, kept so that only a model's first start builds one."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.embedding.bert_graph import FORMAT, write_graph
from app.embedding.graph import Precision
from app.embedding.model_folder import ModelFolder, sha256_of
from app.errors import ModelUnavailable

_GRAPH = "model.onnx"
_RECORD = "built.json"


@dataclass(frozen=True)
class GraphCache:
    """Folders `<folder>/<model>-<hash>-<precision>/` of graph, weights, and their sha256."""

    folder: Path
    announce: Callable[[str], None]

    def graph(self, model: ModelFolder, name: str, precision: Precision) -> Path:
        """The ONNX file to run `model` by: its own, the one kept, or one built now.

        Raises:
            ModelUnavailable: the model is of a kind that cannot be built, or the folder cannot be
            written.
        """
        if model.onnx is not None:
            return model.onnx
        file_name = re.sub(r"[^\w.-]+", "-", name)
        home = self.folder / f"{file_name}-{model.digest[:16]}-{precision}"
        if home.exists() and not _is_whole(home):
            self.announce(
                f"The kept ONNX of {name} is damaged or of an older Tidemark: building anew."
            )
        if not _is_whole(home):
            self.announce(f"Turning {name} into ONNX, once …")
            try:
                self._build(model, home, precision)
            except OSError as failed:
                raise ModelUnavailable(
                    f"The ONNX of {name} cannot be written to {home}: {failed.strerror or failed}.",
                    remedy="Make room there, or set TIDEMARK_CACHE_DIR to another folder.",
                ) from failed
        return home / _GRAPH

    def _build(self, model: ModelFolder, home: Path, precision: Precision) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".building-") as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            write_graph(model, made / _GRAPH, precision)
            files = {path.name: sha256_of(path) for path in made.iterdir()}
            (made / _RECORD).write_text(json.dumps({"format": FORMAT, "sha256": files}))
            if not _is_whole(home):  # another process may have been quicker
                if home.exists():
                    home.rename(Path(scratch) / "broken")
                made.rename(home)


def _is_whole(home: Path) -> bool:
    try:
        record = json.loads((home / _RECORD).read_text())
        return bool(record["format"] == FORMAT) and all(
            sha256_of(home / name) == digest for name, digest in record["sha256"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
