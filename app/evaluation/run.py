"""A run: what was retrieved for each question, ranked as trec_eval ranks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

Ranking = tuple[tuple[str, float], ...]
"""Documents' ids with their scores, best first."""


@dataclass(frozen=True)
class Run:
    """The rankings of questions, by question id, and the `tag` that names how they came."""

    tag: str
    rankings: Mapping[str, Ranking]

    def write(self, path: Path) -> None:
        """Write the run as TREC's: `question Q0 document rank score tag`, a line each.

        White space in an id, which would end it, is written as `%20` and the like.
        """
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for question, ranking in self.rankings.items():
                for rank, (document, score) in enumerate(ranking, start=1):
                    line = f"{_word(question)} Q0 {_word(document)} {rank} {score:.9g} {self.tag}"
                    file.write(line + "\n")


def ranked(scores: Mapping[str, float], depth: int) -> Ranking:
    """The best `depth` documents as trec_eval ranks them, whatever the order they come in.

    It reads scores as 32-bit floats, and puts documents of one score in the reverse order of their
    ids: so its figures for a run that was written are our own.
    """
    single = {document: float(np.float32(score)) for document, score in scores.items()}
    by_id = sorted(single.items(), key=lambda item: item[0], reverse=True)
    return tuple(sorted(by_id, key=lambda item: item[1], reverse=True)[:depth])


def _word(identifier: str) -> str:
    return re.sub(r"\s", lambda space: quote(space[0]), identifier)
