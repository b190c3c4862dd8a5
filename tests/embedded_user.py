"""A Tidemark process that holds the embedded server: `python -m tests.embedded_user DATA CACHE`.

It prints the server's port once it has it, then holds on until its standard input ends or Ctrl-C.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from app.database.embedded import EmbeddedServer


def main(data_dir: str, cache_dir: str) -> None:
    # Where the tests run in a shell's background, Ctrl-C is ignored, and so by all they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server = EmbeddedServer(Path(data_dir), Path(cache_dir), memory_mb=600, announce=_say)
    with server.acquire() as lease:
        try:  # from the word on: it may be interrupted as soon as that is read
            print(lease.url.port, flush=True)  # noqa: T201
            sys.stdin.read()
        except KeyboardInterrupt:
            _say("interrupted")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
