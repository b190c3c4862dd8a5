"""`make bench`: runs the benchmarks and prints a table of what each gave."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measurement import Measurement

BENCHMARKS = {
    "embedder": "the local model against torch",
    "ingest": "documents to chunks against the bare embedder",
    "rebuilding": "another embedding model: what its build costs, what searches notice of it",
    "archive": "export and import against cp and bare inserts",
    "scale": "10,000 documents and one of 5,000 pages: memory, throughput, search meanwhile",
    "serving": "start, search over HTTP, memory",
    "openai_api": "/v1/embeddings against the model without a server",
    "searching": "hybrid search of a large index over HTTP, the cache, many clients, postings",
    "vectors": "nearest vectors by the plan against the plain exact statement",
    "million": "searches by meaning of 200,000 chunks, and what a million would take",
    "quality": "nDCG@10 of each way to search on judged collections",
    "chunking": "how much of what answers a question its five best passages hold",
    "limiter": "what several processes make of a provider's limit",
    "extracts": "whether the sentences shown hold the answer",
    "answering": "what Tidemark adds to a chat model's stream, alone and fifty at once",
    "verification": "planted wrong sentences found, right ones left alone",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--collections", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="may be repeated")
    arguments = parser.parse_args()
    console = Console()
    measured: list[Measurement] = []
    for name in arguments.only or BENCHMARKS:
        console.print(f"[bold]{name}[/]: {BENCHMARKS[name]}")
        benchmark = importlib.import_module(f"benchmarks.{name}")
        for one in benchmark.measure(arguments.collections):
            console.print(str(one))  # at once: the next may take long, or be interrupted
            measured.append(one)
    console.print(as_table(measured))


def as_table(measured: list[Measurement]) -> Table:
    table = Table(
        "what", "measured", "target", "detail", title="Measured on this machine, just now"
    )
    for one in measured:
        target = "" if one.target is None else f"{one.target:g} {one.unit}"
        table.add_row(one.name, f"{one.value:.3g} {one.unit}", target, one.detail)
    return table


if __name__ == "__main__":
    main()
