"""Tiny models of the BERT family with random weights, in sentence-transformers' layout.

What they say makes no sense, and it need not: they stand for bge, e5, gte and their kin, whose
weights are too large for a test. `forward` is a second implementation, to hold ours against.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

WORDS = ["the", "tide", "turns", "at", "noon", "and", "dusk", "query", "passage", "search"]
WORDS += ["river", "moon"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, ":", "."]
Array = NDArray[np.float64]


@dataclass
class TinyBert:
    """A model to be written to a folder; every part can be made otherwise."""

    pooling: Literal["mean", "cls", "max"] = "mean"
    model_type: str = "bert"
    activation: str = "gelu"
    prefix: str = ""
    """What the weights' names begin with, as in a model saved with a head."""
    max_seq_length: int | None = 24
    prompts: Mapping[str, str] | None = None
    config: dict[str, Any] = field(default_factory=dict)
    name_or_path: str = ""
    width: int = 16
    heads: int = 4
    layers: int = 2
    positions: int = 40
    seed: int = 0
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        inner = 3 * self.width

        def norm(name: str) -> dict[str, tuple[int, ...]]:
            return {f"{name}.weight": (self.width,), f"{name}.bias": (self.width,)}

        def dense(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
            return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}

        shapes: dict[str, tuple[int, ...]] = {
            "embeddings.word_embeddings.weight": (len(VOCABULARY), self.width),
            "embeddings.position_embeddings.weight": (self.positions, self.width),
            "embeddings.token_type_embeddings.weight": (2, self.width),
            **norm("embeddings.LayerNorm"),
        }
        for number in range(self.layers):
            layer = f"encoder.layer.{number}."
            for part in ("query", "key", "value"):
                shapes |= dense(f"{layer}attention.self.{part}", self.width, self.width)
            shapes |= dense(f"{layer}attention.output.dense", self.width, self.width)
            shapes |= norm(f"{layer}attention.output.LayerNorm")
            shapes |= dense(f"{layer}intermediate.dense", inner, self.width)
            shapes |= dense(f"{layer}output.dense", self.width, inner)
            shapes |= norm(f"{layer}output.LayerNorm")
        for name, shape in shapes.items():
            self.weights[name] = random.normal(0, 0.5, shape).astype(np.float32)

    def write(self, folder: Path) -> Path:
        """Write the model's files to `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "model_type": self.model_type,
            "hidden_size": self.width,
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "hidden_act": self.activation,
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": self.positions,
            "pad_token_id": 1 if self.model_type != "bert" else 0,
            "_name_or_path": self.name_or_path,
            **self.config,
        }
        modes = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
        files: dict[str, Any] = {
            "config.json": config,
            "modules.json": [
                {"path": "", "type": "sentence_transformers.models.Transformer"},
                {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
            ],
            "1_Pooling/config.json": {
                f"pooling_mode_{mode}": name == self.pooling for name, mode in modes.items()
            },
            "sentence_bert_config.json": {"max_seq_length": self.max_seq_length},
            "tokenizer_config.json": {"model_max_length": 10**30},
        }
        if self.prompts is not None:
            files["config_sentence_transformers.json"] = {"prompts": self.prompts}
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content))
        named = {self.prefix + name: value for name, value in self.weights.items()}
        save_file(named, folder / "model.safetensors")
        tokenizer().save(str(folder / "tokenizer.json"))
        return folder

    def forward(self, ids: Sequence[int]) -> Array:
        """The unit vector of one text, alone, as BERT and its pooling are defined."""
        weights = {name: value.astype(np.float64) for name, value in self.weights.items()}
        first = 0 if self.model_type == "bert" else 2
        places = weights["embeddings.position_embeddings.weight"][first : first + len(ids)]
        words = weights["embeddings.word_embeddings.weight"][list(ids)]
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        hidden = _norm(weights, "embeddings.LayerNorm", words + places + segment)
        for number in range(self.layers):
            layer = f"encoder.layer.{number}."
            mixed = self._attend(weights, layer + "attention.self.", hidden)
            attended = _dense(weights, layer + "attention.output.dense", mixed)
            hidden = _norm(weights, layer + "attention.output.LayerNorm", attended + hidden)
            inner = _ACTIVATIONS[self.activation](
                _dense(weights, layer + "intermediate.dense", hidden)
            )
            outer = _dense(weights, layer + "output.dense", inner)
            hidden = _norm(weights, layer + "output.LayerNorm", outer + hidden)
        pooled = hidden[0] if self.pooling == "cls" else hidden.mean(axis=0)
        unit: Array = pooled / np.linalg.norm(pooled)
        return unit

    def _attend(self, weights: Mapping[str, Array], name: str, hidden: Array) -> Array:
        query, key, value = (_dense(weights, name + p, hidden) for p in ("query", "key", "value"))
        depth = self.width // self.heads
        heads = []
        for start in range(0, self.width, depth):
            part = slice(start, start + depth)
            scores = np.exp(query[:, part] @ key[:, part].T / math.sqrt(depth))
            heads.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, part])
        return np.concatenate(heads, axis=1)


def tokenizer() -> Tokenizer:
    """A WordPiece tokenizer of `VOCABULARY` that pads and cuts, as published ones are saved."""
    made = Tokenizer(WordPiece({word: at for at, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    made.normalizer = BertNormalizer(lowercase=True)
    made.pre_tokenizer = BertPreTokenizer()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.enable_padding(length=8)
    made.enable_truncation(4)
    return made


def ids_of(text: str) -> list[int]:
    """The ids of words of `VOCABULARY` parted by spaces, with the special ones."""
    return [2, *(VOCABULARY.index(word) for word in text.split()), 3]


def _dense(weights: Mapping[str, Array], name: str, hidden: Array) -> Array:
    product: Array = hidden @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return product


def _norm(weights: Mapping[str, Array], name: str, hidden: Array) -> Array:
    centred = hidden - hidden.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-12)
    moved: Array = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return moved


def _gelu(values: Array) -> Array:
    return values * 0.5 * (1 + np.vectorize(math.erf)(values / math.sqrt(2)))


def _gelu_tanh(values: Array) -> Array:
    return 0.5 * values * (1 + np.tanh(math.sqrt(2 / math.pi) * (values + 0.044715 * values**3)))


def _relu(values: Array) -> Array:
    return np.maximum(values, 0)


_ACTIVATIONS = {"gelu": _gelu, "gelu_new": _gelu_tanh, "relu": _relu}
