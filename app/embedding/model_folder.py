"""A model's folder in the sentence-transformers layout: what its files say about how to run it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from app.errors import ModelUnavailable

Pooling = Literal["mean", "cls"]

ROBERTA_TYPES = ("roberta", "xlm-roberta")
BERT_FAMILY = ("bert", *ROBERTA_TYPES)


@dataclass(frozen=True)
class ModelFolder:
    """What the files of `path` say; each is read when it is first asked for.

    The layout is sentence-transformers': `modules.json` names the steps, `1_Pooling/config.json`
    the pooling, `sentence_bert_config.json` the length, `config_sentence_transformers.json` the
    prompts.

    Raises:
        ModelUnavailable: a file is missing, is not JSON, or asks for what Tidemark cannot run.
    """

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """`config.json`: the encoder's shape."""
        return self._read("config.json", required=True)

    @property
    def model_type(self) -> str:
        return str(self.config.get("model_type", "unknown"))

    @property
    def onnx(self) -> Path | None:
        """A graph that came with the folder, to be run as it is."""
        graph = self.path / "onnx" / "model.onnx"
        return graph if graph.is_file() else None

    @property
    def weights(self) -> Path:
        weights = self.path / "model.safetensors"
        if not weights.is_file():
            raise ModelUnavailable(
                f"The model folder {self.path} has neither model.safetensors nor onnx/model.onnx."
            )
        return weights

    @cached_property
    def digest(self) -> str:
        """The sha256, in hex, of what is run: the folder's own graph, or its weights."""
        return sha256_of(self.onnx or self.weights)

    @property
    def tokenizer(self) -> Path:
        tokenizer = self.path / "tokenizer.json"
        if not tokenizer.is_file():
            raise ModelUnavailable(
                f"The model folder {self.path} has no tokenizer.json.",
                remedy="Save the tokenizer with transformers' `AutoTokenizer(…).save_pretrained`.",
            )
        return tokenizer

    @cached_property
    def modules(self) -> dict[str, str]:
        """The model's steps and their folders: `{"Transformer": "", "Pooling": "1_Pooling", …}`."""
        path = self.path / "modules.json"
        if not path.is_file():
            return {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
        steps = {m["type"].rpartition(".")[2]: m["path"] for m in _json(path)}
        unknown = sorted(steps.keys() - {"Transformer", "Pooling", "Normalize"})
        if unknown:
            raise ModelUnavailable(
                f"The model in {self.path} has steps that Tidemark cannot run: "
                f"{', '.join(unknown)}."
            )
        return steps

    @property
    def pooling(self) -> Pooling:
        """How token vectors become one: by the mean where nothing is said, as its library does."""
        config = self._read(f"{self.modules.get('Pooling', '1_Pooling')}/config.json")
        if "pooling_mode" in config:  # sentence-transformers 5 and later
            asked = config["pooling_mode"]
            modes = [asked] if isinstance(asked, str) else list(asked)
        else:
            modes = [
                name.removeprefix("pooling_mode_").removesuffix("_token").removesuffix("_tokens")
                for name, on in config.items()
                if name.startswith("pooling_mode_") and on
            ] or ["mean"]
        if modes == ["mean"]:
            return "mean"
        if modes == ["cls"]:
            return "cls"
        raise ModelUnavailable(
            f"The model in {self.path} pools by {' and '.join(modes)}; "
            "Tidemark can by the mean or by CLS."
        )

    @property
    def max_length(self) -> int:
        """The longest input in tokens, special ones included, by its settings and its positions."""
        positions = int(self.config["max_position_embeddings"]) - self.first_position
        asked = self._transformer_config().get("max_seq_length")
        if asked is None:
            asked = self._read("tokenizer_config.json").get("model_max_length")
        # A tokenizer with no limit says so with a number of thirty digits.
        return positions if asked is None else int(min(asked, positions))

    @property
    def first_position(self) -> int:
        """RoBERTa counts positions from the padding token's id plus one, BERT from nought."""
        if self.model_type in ROBERTA_TYPES:
            return int(self.config.get("pad_token_id", 1)) + 1
        return 0

    @property
    def lowercase(self) -> bool:
        """Whether sentence-transformers lowers the text before the tokenizer sees it."""
        return bool(self._transformer_config().get("do_lower_case", False))

    @property
    def prompts(self) -> dict[str, str]:
        """The prefixes it has, by name: often `query`, and `document` or `passage`."""
        prompts = self._read("config_sentence_transformers.json").get("prompts") or {}
        return {str(name): str(text) for name, text in prompts.items() if text is not None}

    def _transformer_config(self) -> dict[str, Any]:
        folder = self.modules.get("Transformer", "")
        return self._read(f"{folder}/sentence_bert_config.json".lstrip("/"))

    def _read(self, name: str, *, required: bool = False) -> dict[str, Any]:
        path = self.path / name
        if not path.is_file():
            if required:
                raise ModelUnavailable(f"The model folder {self.path} has no {name}.")
            return {}
        content = _json(path)
        if not isinstance(content, dict):
            raise ModelUnavailable(f"{path} is not a JSON object.")
        return content


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(path: Path) -> Any:  # noqa: ANN401 - what JSON may be
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as broken:
        raise ModelUnavailable(f"{path} is not JSON: {broken}.") from broken
