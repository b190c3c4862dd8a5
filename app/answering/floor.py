"""The cosine that an embedding model gives to texts which have nothing to do with each other."""

from __future__ import annotations

import numpy as np

from app.embedding import Embedder

_UNRELATED = (
    "The harbour ferry leaves at seven in the morning.",
    "Whisk the eggs with sugar until they are pale.",
    "The court found the contract to be void.",
    "Photosynthesis turns sunlight into chemical energy.",
    "Restart the server after changing its configuration.",
    "Her third symphony was first played in Vienna.",
    "The striker scored twice in the second half.",
    "Interest rates rose by a quarter of a point.",
)
_HIGHEST = 0.95  # keeps a model that finds everything alike from dividing by nothing

# A model's floor never changes, so each is asked for once in a process.
_known: dict[tuple[str, int, str], float] = {}


def floor_of(embedder: Embedder) -> float:
    """The mean cosine of unrelated sentences: about 0 for MiniLM, about .7 for e5.

    Without it, no threshold on similarity could hold for more than one model.
    """
    model = (embedder.model, embedder.dimensions, embedder.document_prefix)
    if model not in _known:
        vectors = np.array(embedder.embed_documents(_UNRELATED))
        pairs = (vectors @ vectors.T)[np.triu_indices(len(_UNRELATED), k=1)]
        _known[model] = min(float(pairs.mean()), _HIGHEST)
    return _known[model]
