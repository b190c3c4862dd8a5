"""The ONNX graph against two other implementations: numpy's here, and torch's as recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from app.config import Settings
from app.embedding import Embedder, make_embedder
from app.embedding.bert_graph import write_graph
from app.embedding.encoder import Encoder
from app.embedding.model_folder import ModelFolder
from app.embedding.processors import multiplies_int8_exactly
from app.errors import InvalidSetting, ModelUnavailable
from tests.bert_folders import TinyBert, ids_of

TEXTS = [
    "the tide turns at noon",
    "moon",
    "the river and the moon and the tide and the dusk",
    "",
    "search : the tide .",
]
REFERENCE = Path(__file__).parent.parent / "data" / "minilm_reference.json"


@pytest.mark.parametrize(
    "model",
    [
        TinyBert(pooling="mean"),
        TinyBert(pooling="cls"),
        TinyBert(pooling="cls", prefix="bert."),
        TinyBert(activation="gelu_new", layers=1, heads=2),
        TinyBert(activation="relu", width=24, heads=3),
        TinyBert(model_type="xlm-roberta", prefix="roberta."),
    ],
    ids=lambda m: f"{m.model_type}-{m.pooling}-{m.activation}-{m.prefix}",
)
def test_the_graph_computes_what_bert_is_defined_to(tmp_path: Path, model: TinyBert) -> None:
    folder = ModelFolder(model.write(tmp_path / "model"))
    write_graph(folder, tmp_path / "model.onnx")
    encoder = Encoder(tmp_path / "model.onnx", pooling=folder.pooling, threads=1)
    assert encoder.width == model.width
    batch = [ids_of(text) for text in TEXTS]
    assert np.allclose(encoder.encode(batch), [model.forward(ids) for ids in batch], atol=2e-6)


def test_the_bundled_model_gives_the_vectors_that_it_gives_on_torch(
    machine_settings: Settings,
) -> None:
    recorded = json.loads(REFERENCE.read_text("utf-8"))
    reference = np.array(recorded["vectors"])
    embedder = make_embedder(machine_settings, lambda _: None)
    vectors = np.array(embedder.embed_documents(recorded["texts"]))
    cosines = (vectors * reference).sum(axis=1)
    cosines /= np.linalg.norm(vectors, axis=1) * np.linalg.norm(reference, axis=1)
    assert cosines.min() > 0.9999996


def test_int8_stays_near_float32_and_apart_from_the_batch(machine_settings: Settings) -> None:
    recorded = json.loads(REFERENCE.read_text("utf-8"))
    if not multiplies_int8_exactly():
        with pytest.raises(InvalidSetting, match="no VNNI"):
            _int8(machine_settings)
        return
    embedder = _int8(machine_settings)
    together = np.array(embedder.embed_documents(recorded["texts"]))
    near = (together * np.array(recorded["vectors"])).sum(axis=1)
    with_words = [cosine for text, cosine in zip(recorded["texts"], near, strict=True) if text]
    assert min(with_words) > 0.998
    alone = np.array([embedder.embed_documents([text])[0] for text in recorded["texts"]])
    assert (together * alone).sum(axis=1).min() > 0.9999


def _int8(settings: Settings) -> Embedder:
    asked = settings.model_copy(update={"embedding_precision": "int8"})
    return make_embedder(asked, lambda _: None)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (TinyBert(model_type="mpnet"), "of type mpnet"),
        (TinyBert(config={"position_embedding_type": "relative_key"}), "relative_key positions"),
        (TinyBert(config={"hidden_act": "silu"}), "the activation silu"),
        (TinyBert(pooling="max"), "pools by max"),
        (TinyBert(config={"num_hidden_layers": 3}), r"lack encoder\.layer\.2\."),
    ],
)
def test_a_model_that_cannot_be_run_is_told_so(tmp_path: Path, model: TinyBert, words: str) -> None:
    folder = ModelFolder(model.write(tmp_path / "model"))
    with pytest.raises(ModelUnavailable, match=words):
        write_graph(folder, tmp_path / "model.onnx")


def test_weights_that_are_cut_short_are_told(tmp_path: Path) -> None:
    folder = ModelFolder(TinyBert().write(tmp_path / "model"))
    whole = folder.weights.read_bytes()
    folder.weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        write_graph(folder, tmp_path / "model.onnx")


def test_a_graph_that_is_no_graph_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelUnavailable, match="onnxruntime cannot load"):
        Encoder(tmp_path / "model.onnx", pooling="mean", threads=1)


@pytest.mark.parametrize("factor", [0.0, float("nan")])
def test_vectors_without_a_direction_are_refused(tmp_path: Path, factor: float) -> None:
    node, tensor = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            node("Cast", ["input_ids"], ["floats"], to=onnx.TensorProto.FLOAT),
            node("Mul", ["floats", "factor"], ["sentence_embedding"]),
        ],
        "spoilt",
        [tensor("input_ids", onnx.TensorProto.INT64, [None, 2])],
        [tensor("sentence_embedding", onnx.TensorProto.FLOAT, [None, 2])],
        [onnx.helper.make_tensor("factor", onnx.TensorProto.FLOAT, [], [factor])],
    )
    imports = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ModelUnavailable, match="all zeros, or not finite"):
        Encoder(tmp_path / "model.onnx", pooling="mean", threads=1).encode([[1, 2]])
