"""A model's graph on onnxruntime: token ids → unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.embedding.model_folder import Pooling
from app.errors import ModelUnavailable

_ERROR = 3  # onnxruntime's severity: its warnings are about its own optimiser


class Encoder:
    """Runs one graph. Calls may overlap: onnxruntime's sessions are made for it, and release the
    GIL.

    The graph gives one vector a text (`[batch, width]`), or one a token (`[batch, tokens, width]`),
    which is then pooled here, as a graph that came with the model's folder needs it.

    Raises:
        ModelUnavailable: the graph cannot be loaded.
    """

    def __init__(self, graph: Path, *, pooling: Pooling, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERROR
        # Threads that spin between operators win nothing here, and take the processor from TiDB
        # beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Patterns are planned for each shape seen, and here nearly every batch has its own.
        options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(
                str(graph), options, providers=["CPUExecutionProvider"]
            )
        except Exception as refused:  # each of onnxruntime's errors derives from `Exception` alone
            raise ModelUnavailable(f"onnxruntime cannot load {graph}: {refused}") from refused
        self._inputs = {put.name for put in self._session.get_inputs()}
        outputs = {put.name: put for put in self._session.get_outputs()}
        self._output = outputs.get("sentence_embedding") or next(iter(outputs.values()))
        self._pooling = pooling
        self.width = self._known_width()

    def encode(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Unit vectors, float32 `[texts, width]`, of texts given as ids with the special ones.

        Raises:
            ModelUnavailable: the model gives a vector without a direction, which no search can use.
        """
        length = max(map(len, ids))
        tokens = np.zeros((len(ids), length), np.int64)
        mask = np.zeros_like(tokens)
        for row, text in enumerate(ids):
            tokens[row, : len(text)] = text
            mask[row, : len(text)] = 1
        given = {
            "input_ids": tokens,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(tokens),
        }
        feed = {name: value for name, value in given.items() if name in self._inputs}
        (reply,) = self._session.run([self._output.name], feed)
        vectors = np.asarray(reply, np.float32)
        if vectors.ndim == 3:  # noqa: PLR2004 - [batch, tokens, width]
            vectors = self._pooled(vectors, mask)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise ModelUnavailable(
                "The local model gives vectors that are all zeros, or not finite.",
                remedy="Its files may be damaged: fetch or export it again.",
            )
        unit: NDArray[np.float32] = vectors / lengths
        return unit

    def _pooled(self, hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        if self._pooling == "cls":
            return hidden[:, 0].copy()
        weights = mask[:, :, None].astype(np.float32)
        mean: NDArray[np.float32] = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        return mean

    def _known_width(self) -> int:
        """What the graph says it is; where it leaves that open, what a text of one token gets."""
        last = self._output.shape[-1]
        return last if isinstance(last, int) else int(self.encode([[0]]).shape[-1])
