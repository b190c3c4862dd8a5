"""Local models: found, read, run, and kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from app.config import Settings
from app.embedding import local_models, make_embedder
from app.embedding.embedder import Embedder
from app.embedding.local import BATCH_TOKENS
from app.errors import InvalidSetting, ModelUnavailable
from tests.bert_folders import TinyBert, ids_of

Maker = Callable[..., Embedder]
TEXTS = [
    "the tide turns at noon",
    "moon",
    "the river and the moon and the tide and the dusk",
    "search : the tide .",
]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def embedder_in(tmp_path: Path, said: list[str]) -> Maker:
    def make(folder: Path | str, **settings: Any) -> Embedder:
        given = {"embedding_model": f"local/{folder}", "cache_dir": tmp_path / "cache", **settings}
        return make_embedder(Settings(**given), said.append)

    return make


def test_a_folder_is_embedded_with_as_its_files_say(tmp_path: Path, embedder_in: Maker) -> None:
    model = TinyBert(
        pooling="cls", prompts={"query": "query : ", "document": "passage : ", "sts": "x"}
    )
    embedder = embedder_in(model.write(tmp_path / "model"))
    assert (embedder.query_prefix, embedder.document_prefix) == ("query : ", "passage : ")
    assert embedder.dimensions == model.width
    assert embedder.max_tokens == 24 - 2 - 2
    documents = embedder.embed_documents(TEXTS)
    expected = [model.forward(ids_of(f"passage : {text}")) for text in TEXTS]
    assert np.allclose(documents, expected, atol=2e-6)
    asked = embedder.embed_query("the tide")
    assert np.allclose(asked, model.forward(ids_of("query : the tide")), atol=2e-6)


def test_vectors_come_in_the_order_of_their_texts_however_many_batches(
    tmp_path: Path, embedder_in: Maker
) -> None:
    embedder = embedder_in(TinyBert(max_seq_length=None).write(tmp_path / "model"))
    texts = [TEXTS[number % 4] + " moon" * (number % 17) for number in range(200)]
    assert sum(embedder.tokens.count(text) for text in texts) > 3 * BATCH_TOKENS
    together = np.array(embedder.embed_documents(texts))
    alone = np.array([embedder.embed_documents([text])[0] for text in texts])
    assert np.allclose(together, alone, atol=1e-6)
    assert {type(value) for value in embedder.embed_query("moon")} == {float}
    assert embedder.embed_documents([]) == []


def test_a_text_is_cut_at_the_models_own_length(tmp_path: Path, embedder_in: Maker) -> None:
    embedder = embedder_in(TinyBert(max_seq_length=10).write(tmp_path / "model"))
    assert embedder.max_tokens == 8
    whole, longer = embedder.embed_documents(["moon " * 8, "moon " * 8 + "tide " * 9])
    assert whole == longer
    assert embedder.embed_documents(["moon " * 7])[0] != whole


def test_the_length_is_never_more_than_the_positions_there_are(
    tmp_path: Path, embedder_in: Maker
) -> None:
    for model_type, length in (("bert", 40), ("xlm-roberta", 38)):
        model = TinyBert(max_seq_length=512, model_type=model_type)
        embedder = embedder_in(model.write(tmp_path / model_type))
        assert embedder.max_tokens == length - 2
        assert len(embedder.embed_query("moon " * 100)) == model.width


@pytest.mark.parametrize(
    ("name", "query", "document"),
    [
        ("e5-small-v2", "query: ", "passage: "),
        ("bge-base-en-v1.5", "Represent this sentence for searching relevant passages: ", ""),
        ("gte-base", "", ""),
        ("some-model", "", ""),
    ],
)
def test_a_folder_without_prompts_has_those_its_name_is_known_by(
    tmp_path: Path, embedder_in: Maker, name: str, query: str, document: str
) -> None:
    empty = {
        "query": "",
        "document": "",
    }  # as sentence-transformers saves a model that said nothing
    by_folder = embedder_in(TinyBert(prompts=empty).write(tmp_path / name))
    assert (by_folder.query_prefix, by_folder.document_prefix) == (query, document)
    by_config = embedder_in(TinyBert(name_or_path=f"owner/{name}").write(tmp_path / "copy"))
    assert (by_config.query_prefix, by_config.document_prefix) == (query, document)


def test_prefixes_in_the_settings_outdo_the_folders(tmp_path: Path, embedder_in: Maker) -> None:
    folder = TinyBert(prompts={"query": "query : "}).write(tmp_path / "model")
    embedder = embedder_in(folder, embedding_query_prefix="", embedding_document_prefix="search ")
    assert (embedder.query_prefix, embedder.document_prefix) == ("", "search ")


def test_the_graph_is_built_once(tmp_path: Path, embedder_in: Maker, said: list[str]) -> None:
    folder = TinyBert().write(tmp_path / "model")
    first = embedder_in(folder).embed_documents(TEXTS)
    assert said == ["Turning model into ONNX, once …"]
    said.clear()
    assert embedder_in(folder).embed_documents(TEXTS) == first
    assert said == []


def test_a_damaged_graph_is_built_again(
    tmp_path: Path, embedder_in: Maker, said: list[str]
) -> None:
    folder = TinyBert().write(tmp_path / "model")
    first = embedder_in(folder).embed_documents(TEXTS)
    (kept,) = (tmp_path / "cache" / "models").glob("*/model.onnx.data")
    kept.write_bytes(bytes(kept.stat().st_size))
    said.clear()
    assert embedder_in(folder).embed_documents(TEXTS) == first
    assert "damaged" in said[0]
    assert [path.name for path in kept.parent.parent.iterdir()] == [kept.parent.name]


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, embedder_in: Maker) -> None:
    folder = TinyBert().write(tmp_path / "model")
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(ModelUnavailable, match="cannot be written") as raised:
        embedder_in(folder)
    assert "TIDEMARK_CACHE_DIR" in raised.value.remedy


def test_a_folders_own_graph_is_run_as_it_is(
    tmp_path: Path, embedder_in: Maker, said: list[str]
) -> None:
    model = TinyBert(pooling="mean")
    folder = model.write(tmp_path / "model")
    embedder_in(folder)
    (built,) = (tmp_path / "cache" / "models").glob("*/model.onnx")
    graph = onnx.load(built)
    # As exported by others: one vector a token, and an input for segments that ours has folded in.
    hidden = _last_norm(graph)
    del graph.graph.output[:]
    graph.graph.output.append(
        onnx.helper.make_tensor_value_info(hidden, onnx.TensorProto.FLOAT, [None, None, 16])
    )
    (folder / "onnx").mkdir()
    onnx.save(graph, folder / "onnx" / "model.onnx")
    (folder / "model.safetensors").unlink()
    said.clear()
    embedder = embedder_in(folder)
    assert said == []
    expected = [model.forward(ids_of(text)) for text in TEXTS]
    assert np.allclose(embedder.embed_documents(TEXTS), expected, atol=2e-6)


def _last_norm(graph: onnx.ModelProto) -> str:
    norms = [node for node in graph.graph.node if node.op_type == "LayerNormalization"]
    return str(norms[-1].output[0])


def test_the_identity_changes_with_the_weights(tmp_path: Path, embedder_in: Maker) -> None:
    folder = TinyBert(seed=1).write(tmp_path / "model")
    first = embedder_in(folder)
    assert first.model.startswith(f"local/{folder}@")
    assert embedder_in(first.model.removeprefix("local/")).model == first.model
    TinyBert(seed=2).write(folder)
    assert embedder_in(folder).model != first.model
    with pytest.raises(ModelUnavailable, match="not those that were there before"):
        embedder_in(first.model.removeprefix("local/"))


def test_the_bundled_model_needs_nothing_but_its_name(machine_settings: Settings) -> None:
    embedder = make_embedder(machine_settings, lambda _: None)
    assert embedder.model == "local/all-MiniLM-L6-v2"
    assert (embedder.dimensions, embedder.max_tokens) == (384, 254)
    assert (embedder.query_prefix, embedder.document_prefix) == ("", "")
    vector = embedder.embed_query("\ud800 " + "x" * 100_000)
    assert np.linalg.norm(vector) == pytest.approx(1)


def test_weights_that_are_not_the_published_ones_are_refused(
    machine_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_models, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(ModelUnavailable, match="not the published ones"):
        make_embedder(machine_settings, lambda _: None)


@pytest.mark.parametrize("name", ["/no/such/folder", "./model", "model", "a/b/c", "~/no-such"])
def test_a_folder_that_is_not_there_is_told(embedder_in: Maker, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="There is no model folder") as raised:
        embedder_in(name)
    assert "local/all-MiniLM-L6-v2" in raised.value.remedy


def test_a_width_that_a_local_model_does_not_have_is_refused(
    tmp_path: Path, embedder_in: Maker
) -> None:
    folder = TinyBert().write(tmp_path / "model")
    assert embedder_in(folder, embedding_dimensions=16).dimensions == 16
    with pytest.raises(InvalidSetting, match="are 16 wide"):
        embedder_in(folder, embedding_dimensions=8)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("config.json", r"has no config\.json"),
        ("tokenizer.json", r"has no tokenizer\.json"),
        ("model.safetensors", "neither model.safetensors nor"),
    ],
)
def test_a_missing_file_is_named(
    tmp_path: Path, embedder_in: Maker, missing: str, words: str
) -> None:
    folder = TinyBert().write(tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(ModelUnavailable, match=words):
        embedder_in(folder)


def test_a_broken_file_is_named(tmp_path: Path, embedder_in: Maker) -> None:
    folder = TinyBert().write(tmp_path / "model")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match="tokenizer"):
        embedder_in(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelUnavailable, match="is not JSON"):
        embedder_in(folder)


def test_a_step_that_cannot_be_run_is_named(tmp_path: Path, embedder_in: Maker) -> None:
    folder = TinyBert().write(tmp_path / "model")
    steps = json.loads((folder / "modules.json").read_text())
    steps.append({"path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(steps))
    with pytest.raises(ModelUnavailable, match="steps that Tidemark cannot run: Dense"):
        embedder_in(folder)


def test_a_question_does_not_wait_behind_an_ingest(machine_settings: Settings) -> None:
    embedder = make_embedder(machine_settings, lambda _: None)
    embedder.embed_query("warm")
    texts = [f"The tide turns at noon, and again at dusk, said {n}. " * 12 for n in range(32)]
    took: list[float] = []

    def ingest() -> None:
        started = time.monotonic()
        embedder.embed_documents(texts)
        took.append(time.monotonic() - started)

    thread = threading.Thread(target=ingest)
    thread.start()
    waits = []
    while thread.is_alive():
        started = time.monotonic()
        embedder.embed_query("When does the tide turn?")
        waits.append(time.monotonic() - started)
        thread.join(0.02)
    assert len(waits) > 3
    assert np.median(waits) < took[0] / 8, (waits, took)
