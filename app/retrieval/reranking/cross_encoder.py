"""A cross-encoder from a folder, on onnxruntime: question and passage read as one."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import ModelUnavailable

BATCH = 8
DEFAULT_LENGTH = 512
_ERROR = 3  # onnxruntime's severity


@dataclass(frozen=True)
class CrossEncoder:
    """A folder with `onnx/model.onnx` (or `model.onnx`) and `tokenizer.json`.

    So the cross-encoders on the Hugging Face hub are kept, as `cross-encoder/ms-marco-MiniLM-L6-v2`
    and `BAAI/bge-reranker-base`. The graph gives one number a pair, `[batch, 1]`.
    """

    folder: Path
    threads: int = 1
    most: int = 30
    _running: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """One rerank at a time: two would only slow each other down."""

    @property
    def name(self) -> str:
        return self.folder.name

    def check(self) -> None:
        """Load it now, so that what is wrong is told at start.

        Raises:
            ModelUnavailable: a file is missing or cannot be used.
        """
        _ = self._session, self._tokenizer

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """See `Reranker.scores`: the graph's own figures."""
        with self._running:
            order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # padding is what costs
            scores = [0.0] * len(texts)
            for start in range(0, len(order), BATCH):
                some = order[start : start + BATCH]
                for n, score in zip(
                    some, self._batch(question, [texts[n] for n in some]), strict=True
                ):
                    scores[n] = score
            return scores

    def _batch(self, question: str, texts: Sequence[str]) -> list[float]:
        pairs = self._tokenizer.encode_batch([(question, text) for text in texts])
        given = {
            "input_ids": [pair.ids for pair in pairs],
            "attention_mask": [pair.attention_mask for pair in pairs],
            "token_type_ids": [pair.type_ids for pair in pairs],
        }
        wanted = {put.name for put in self._session.get_inputs()}
        feed = {name: np.array(rows, np.int64) for name, rows in given.items() if name in wanted}
        try:
            logits = np.asarray(self._session.run(None, feed)[0], np.float64)
        except Exception as failed:  # as below
            raise ModelUnavailable(
                f"The model in {self.folder} cannot read what its tokenizer.json makes of a text."
            ) from failed
        if logits.size != len(texts) or not np.isfinite(logits).all():
            raise ModelUnavailable(
                f"The model in {self.folder} is no cross-encoder: it gives no one number a pair."
            )
        plain: list[float] = logits.reshape(-1).tolist()
        return plain

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401 - onnxruntime has no types
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = _ERROR
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        places = (self.folder / "onnx" / "model.onnx", self.folder / "model.onnx")
        graph = next((place for place in places if place.is_file()), None)
        if graph is None:
            raise ModelUnavailable(
                f"There is no {places[0]}.",
                remedy="Name a folder with onnx/model.onnx and tokenizer.json in "
                "TIDEMARK_RERANK_MODEL, as cross-encoders on the Hugging Face hub have them.",
            )
        try:
            return onnxruntime.InferenceSession(
                str(graph), options, providers=["CPUExecutionProvider"]
            )
        except Exception as refused:  # each of onnxruntime's errors derives from `Exception` alone
            raise ModelUnavailable(f"onnxruntime cannot load {graph}: {refused}") from refused

    @cached_property
    def _tokenizer(self) -> Any:  # noqa: ANN401 - as above
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise ModelUnavailable(f"The model folder {self.folder} has no tokenizer.json.")
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as broken:  # the library raises `Exception` itself
            raise ModelUnavailable(f"{path} cannot be read: {broken}") from broken
        # The longer one is cut: the passage, unless the question fills more than half by itself.
        positions = int(self._config.get("max_position_embeddings", DEFAULT_LENGTH))
        length = min(positions, DEFAULT_LENGTH)
        tokenizer.enable_truncation(length, strategy="longest_first")
        tokenizer.enable_padding(pad_id=int(self._config.get("pad_token_id") or 0))
        return tokenizer

    @cached_property
    def _config(self) -> dict[str, Any]:
        path = self.folder / "config.json"
        try:
            config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        except ValueError as broken:
            raise ModelUnavailable(f"{path} is not JSON: {broken}.") from broken
        return config if isinstance(config, dict) else {}
