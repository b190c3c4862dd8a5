"""A BERT-family encoder's safetensors as an ONNX graph that ends in unit vectors.

The graph is BERT's (Devlin et al. 2018, https://arxiv.org/abs/1810.04805) as transformers'
`BertModel` runs it, followed by sentence-transformers' pooling. Checked against both: see
tests/unit/test_embedding_graph.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.embedding.graph import ACTIVATIONS, Graph, Precision
from app.embedding.model_folder import BERT_FAMILY, ModelFolder
from app.errors import ModelUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

FORMAT = 2  # raised when the graph below changes, so that a cached one is built again


def write_graph(folder: ModelFolder, target: Path, precision: Precision = "float32") -> None:
    """Write the encoder of `folder` to `target`, its weights beside it as `<target>.data`.

    Inputs `input_ids` and `attention_mask`, int64 `[batch, tokens]`, padded on the right; output
    `sentence_embedding`, float32 `[batch, width]`, each row of length one.

    Raises:
        ModelUnavailable: the encoder is not of the BERT family, or weights are missing.
    """
    import onnx

    model = _build(folder, precision)
    onnx.save_model(
        model,
        str(target),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=target.name + ".data",
        size_threshold=1024,
    )


def _build(folder: ModelFolder, precision: Precision) -> ModelProto:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    config = folder.config
    _check_shape_is_known(folder)
    try:
        weights = load_file(folder.weights)
    except (SafetensorError, OSError) as broken:
        raise ModelUnavailable(f"{folder.weights} cannot be read: {broken}.") from broken
    graph = Graph(_without_prefix(weights), folder.path, precision)
    width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    epsilon = float(config.get("layer_norm_eps", 1e-12))

    hidden = _embeddings(graph, folder.first_position, epsilon)
    bias = _mask_bias(graph)
    for number in range(int(config["num_hidden_layers"])):
        layer = f"encoder.layer.{number}."
        attended = _attention(graph, hidden, bias, layer + "attention.", (heads, width // heads))
        hidden = graph.norm(
            graph.op("Add", attended, hidden), layer + "attention.output.LayerNorm", epsilon
        )
        inner = graph.activation(
            graph.linear(hidden, layer + "intermediate.dense"), str(config["hidden_act"])
        )
        outer = graph.linear(inner, layer + "output.dense")
        hidden = graph.norm(graph.op("Add", outer, hidden), layer + "output.LayerNorm", epsilon)
    pooled = _mean(graph, hidden) if folder.pooling == "mean" else _first(graph, hidden)
    graph.op("LpNormalization", pooled, axis=-1, p=2, output="sentence_embedding")
    return graph.model(width)


def _check_shape_is_known(folder: ModelFolder) -> None:
    config = folder.config
    if folder.model_type not in BERT_FAMILY:
        raise ModelUnavailable(
            f"The model in {folder.path} is of type {folder.model_type}; Tidemark can run "
            f"{', '.join(BERT_FAMILY)} from safetensors, and any that comes with onnx/model.onnx."
        )
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise ModelUnavailable(
            f"The model in {folder.path} has {config['position_embedding_type']} positions; "
            "Tidemark can run absolute ones."
        )
    if config.get("hidden_act") not in ACTIVATIONS:
        raise ModelUnavailable(
            f"The model in {folder.path} uses the activation {config.get('hidden_act')}; "
            f"Tidemark can run {', '.join(ACTIVATIONS)}."
        )


def _without_prefix(weights: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """A model saved with a head has its encoder's names under `bert.` or `roberta.`."""
    return {
        name.removeprefix("bert.").removeprefix("roberta."): value.astype(np.float32, copy=False)
        for name, value in weights.items()
        if value.dtype.kind == "f" or value.dtype.name == "bfloat16"
    }


def _embeddings(graph: Graph, first_position: int, epsilon: float) -> str:
    # Every token is of the first segment, so its vector is added to each position's beforehand.
    positions = graph.weight("embeddings.position_embeddings.weight")[first_position:]
    segment = graph.weight("embeddings.token_type_embeddings.weight")[0]
    words = graph.constant("words", graph.weight("embeddings.word_embeddings.weight"))
    places = graph.constant("places", positions + segment)
    length = graph.op("Shape", "input_ids", start=1, end=2)
    here = graph.op("Slice", places, graph.integers(0), length, graph.integers(0))
    summed = graph.op("Add", graph.op("Gather", words, "input_ids"), here)
    return graph.norm(summed, "embeddings.LayerNorm", epsilon)


def _mask_bias(graph: Graph) -> str:
    """`[batch, 1, 1, tokens]`: nought at a token, the least float at padding."""
    from onnx import TensorProto

    least = graph.constant("least", np.array(np.finfo(np.float32).min))
    one = graph.constant("one", np.array(1, np.float32))
    mask = graph.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    absent = graph.op("Sub", one, mask)
    return graph.op("Unsqueeze", graph.op("Mul", absent, least), graph.integers(1, 2))


def _attention(graph: Graph, hidden: str, bias: str, prefix: str, shape: tuple[int, int]) -> str:
    """Self-attention over `shape`: how many heads, and the depth of one."""
    heads, depth = shape
    projected = graph.linear(
        hidden, *(f"{prefix}self.{part}" for part in ("query", "key", "value"))
    )
    # [batch, tokens, 3 width] → 3 of [batch, heads, tokens, depth]
    shaped = graph.op("Reshape", projected, graph.integers(0, 0, 3, heads, depth))
    stacked = graph.op("Transpose", shaped, perm=[2, 0, 3, 1, 4])
    query, key, value = (
        graph.op("Gather", stacked, graph.constant(f"part_{i}", np.array(i, np.int64)), axis=0)
        for i in range(3)
    )
    scale = graph.constant("scale", np.array(depth**-0.5, np.float32))
    scores = graph.op("MatMul", query, graph.op("Transpose", key, perm=[0, 1, 3, 2]))
    weighted = graph.op("Add", graph.op("Mul", scores, scale), bias)
    mixed = graph.op("MatMul", graph.op("Softmax", weighted, axis=-1), value)
    joined = graph.op("Transpose", mixed, perm=[0, 2, 1, 3])
    flat = graph.op("Reshape", joined, graph.integers(0, 0, heads * depth))
    return graph.linear(flat, prefix + "output.dense")


def _mean(graph: Graph, hidden: str) -> str:
    """The mean over every token of the attention mask, special ones included."""
    from onnx import TensorProto

    mask = graph.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    column = graph.op("Unsqueeze", mask, graph.integers(2))
    summed = graph.op("ReduceSum", graph.op("Mul", hidden, column), graph.integers(1), keepdims=0)
    count = graph.op("ReduceSum", column, graph.integers(1), keepdims=0)
    return graph.op("Div", summed, count)


def _first(graph: Graph, hidden: str) -> str:
    at = graph.constant("part_0", np.array(0, np.int64))
    return graph.op("Gather", hidden, at, axis=1)
