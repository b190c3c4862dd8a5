"""Models fetched from the Hugging Face hub, each pinned to the commit it was fetched at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import ModelUnavailable

_WANTED = ("*.json", "1_Pooling/*", "model.safetensors", "onnx/model.onnx", "onnx/model.onnx_data")
_STEP = 10  # percent between two words of progress


@dataclass(frozen=True)
class FetchedModel:
    """A model's files at one commit."""

    path: Path
    commit: str


def fetch(
    name: str,
    revision: str | None,
    cache_dir: Path,
    announce: Callable[[str], None],
    *,
    endpoint: str | None = None,
) -> FetchedModel:
    """The files of `name` (`owner/model`) at `revision`, or at the commit it was first fetched at.

    What was fetched once is never asked for again: a model that changed on the hub would make
    vectors that do not fit those already stored.

    Raises:
        ModelUnavailable: the hub cannot be reached, or has no such model or revision.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    asked: dict[str, Any] = {
        "revision": revision or "main",
        "cache_dir": cache_dir,
        "allow_patterns": list(_WANTED),
    }
    try:
        return _at(snapshot_download(name, local_files_only=True, **asked))
    except LocalEntryNotFoundError:
        announce(f"Fetching {name} from the Hugging Face hub …")
    try:
        return _at(
            snapshot_download(
                name, endpoint=endpoint, tqdm_class=_progress(name, announce), **asked
            )
        )
    except (RepositoryNotFoundError, RevisionNotFoundError) as unknown:
        raise ModelUnavailable(
            f"The Hugging Face hub has no model {name}{f' at {revision}' if revision else ''} "
            "that may be read without signing in.",
            remedy="Check the name; of a model behind a licence, fetch the folder and name that.",
        ) from unknown
    # The client's transport errors derive from OSError or from its HTTP library's own base, by
    # version.
    except (HfHubHTTPError, OSError, RuntimeError, _transport_error()) as failed:
        raise ModelUnavailable(
            f"The model {name} is not on this machine, and the Hugging Face hub cannot be reached: "
            f"{str(failed).splitlines()[0] if str(failed) else type(failed).__name__}",
            remedy="Connect once, or copy the model's folder here and name it as local/<folder>.",
        ) from failed


def _at(path: str) -> FetchedModel:
    return FetchedModel(Path(path), Path(path).name)  # the cache calls a snapshot by its commit


def _transport_error() -> type[Exception]:
    import httpx

    return httpx.HTTPError


def _progress(name: str, announce: Callable[[str], None]) -> type[Any]:
    """A silent tqdm that puts the progress of each large file into words."""
    from tqdm.auto import tqdm

    class Announced(tqdm):  # type: ignore[misc]
        def __init__(self, *args: object, **kwargs: object) -> None:
            self._told = 0
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0
            percent = int(100 * self.n / self.total) if self.total else 0
            if percent >= self._told + _STEP:
                self._told = percent - percent % _STEP
                announce(f"Fetching {name}: {self._told} %")

    return Announced
