"""An ONNX graph while it is being built."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from app.errors import ModelUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, ValueInfoProto

Precision = Literal["float32", "int8"]

OPSET = 20  # the first with Gelu
IR_VERSION = 10  # what opset 20 came with; onnxruntime refuses versions newer than itself
RUNTIMES = "com.microsoft"  # where onnxruntime keeps what ONNX does not have
_TINY = 1e-30  # where a token's or a column's values are all nought

ACTIVATIONS: dict[str, dict[str, str] | None] = {
    "gelu": {"approximate": "none"},
    "gelu_new": {"approximate": "tanh"},
    "gelu_pytorch_tanh": {"approximate": "tanh"},
    "relu": None,
}


@dataclass
class Graph:
    """An ONNX graph while it grows: each verb adds a node and gives the name of its output."""

    weights: dict[str, NDArray[np.float32]]
    source: Path
    """The folder they are from, for messages."""
    precision: Precision = "float32"
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)

    def op(
        self,
        kind: str,
        *inputs: str,
        output: str | None = None,
        **attributes: Any,  # noqa: ANN401 - what ONNX takes
    ) -> str:
        from onnx import helper

        name = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def integers(self, *values: int) -> str:
        return self.constant("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def weight(self, name: str) -> NDArray[np.float32]:
        try:
            return self.weights[name]
        except KeyError:
            raise ModelUnavailable(f"The weights in {self.source} lack {name}.") from None

    def linear(self, hidden: str, *names: str) -> str:
        """`hidden` through one or more dense layers at once, their outputs side by side."""
        matrix = np.concatenate([self.weight(f"{n}.weight").T for n in names], axis=1)
        bias = np.concatenate([self.weight(f"{n}.bias") for n in names])
        product = self._product(hidden, f"{names[0]}.matrix", matrix)
        return self.op("Add", product, self.constant(f"{names[0]}.bias", bias))

    def _product(self, hidden: str, name: str, matrix: NDArray[np.float32]) -> str:
        """`hidden` by `matrix`, in the graph's precision.

        In int8, each token's values are cut into 255 steps between their least and their largest,
        and each column of the matrix into 127 either way of nought. onnxruntime's own dynamic
        quantisation has one scale for the whole batch: its vectors are further off (a cosine of .99
        to float32, not .999), and they depend on what a text is batched with.
        """
        if self.precision == "float32":
            return self.op("MatMul", hidden, self.constant(name, matrix))
        from onnx import TensorProto

        # matrix ≈ eight_bits x columns; hidden ≈ steps x rows + least. The product of the sums is
        # that of the whole numbers, scaled by both, and what `least` adds in each column.
        columns = (np.abs(matrix).max(axis=0) / 127).clip(_TINY).astype(np.float32)
        eight_bits = np.round(matrix / columns).astype(np.int8)
        least = self.op("ReduceMin", hidden, self.integers(-1), keepdims=1)
        above = self.op("Sub", hidden, least)
        largest = self.op("ReduceMax", above, self.integers(-1), keepdims=1)
        step = self.op("Mul", largest, self.constant("step", np.array(1 / 255, np.float32)))
        rows = self.op("Max", step, self.constant("tiny", np.array(_TINY, np.float32)))
        steps = self.op("Round", self.op("Div", above, rows))
        product = self.op(
            "MatMulIntegerToFloat",
            self.op("Cast", steps, to=TensorProto.UINT8),
            self.constant(name, eight_bits),
            self.constant("one", np.array(1, np.float32)),
            self.constant(f"{name}.columns", columns),
            domain=RUNTIMES,
        )
        sums = (eight_bits.astype(np.float32).sum(axis=0) * columns).astype(np.float32)
        lifted = self.op("Mul", least, self.constant(f"{name}.sums", sums))
        return self.op("Add", self.op("Mul", product, rows), lifted)

    def norm(self, hidden: str, name: str, epsilon: float) -> str:
        scale = self.constant(f"{name}.weight", self.weight(f"{name}.weight"))
        bias = self.constant(f"{name}.bias", self.weight(f"{name}.bias"))
        return self.op("LayerNormalization", hidden, scale, bias, axis=-1, epsilon=epsilon)

    def activation(self, hidden: str, name: str) -> str:
        attributes = ACTIVATIONS[name]
        return (
            self.op("Relu", hidden) if attributes is None else self.op("Gelu", hidden, **attributes)
        )

    def model(self, width: int) -> ModelProto:
        from onnx import TensorProto, helper

        def tokens(name: str) -> ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])

        vectors = helper.make_tensor_value_info(
            "sentence_embedding", TensorProto.FLOAT, ["batch", width]
        )
        return helper.make_model(
            helper.make_graph(
                self.nodes,
                "encoder",
                [tokens("input_ids"), tokens("attention_mask")],
                [vectors],
                list(self.constants.values()),
            ),
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIMES, 1)],
            ir_version=IR_VERSION,
            producer_name="tidemark",
        )
