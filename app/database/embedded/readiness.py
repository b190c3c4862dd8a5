"""Waiting until the embedded server is ready, or has given up."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

from app.database.embedded.folder import ServerFolder, ServerState
from app.database.embedded.process import LOOPBACK
from app.database.embedded.program import Runner
from app.errors import EmbeddedServerFailed

DEADLINE = 120.0  # seconds; an upgrade of the data, or much to replay, takes a while
POLL = 0.05  # seconds
SAY_AFTER = 5.0  # seconds


def answers(status_port: int) -> bool:
    """Whether TiDB's status port says it is up: the SQL port may open before bootstrap ends."""
    connection = http.client.HTTPConnection(LOOPBACK, status_port, timeout=2)
    try:
        connection.request("GET", "/status")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_ready(
    runner: Runner, folder: ServerFolder, state: ServerState, announce: Callable[[str], None]
) -> bool:
    """True once the server answers, False when it ended before.

    Raises:
        EmbeddedServerFailed: it runs and does not answer within `DEADLINE` seconds.
    """
    began = time.monotonic()
    said = False
    while not answers(state.status_port):
        waited = time.monotonic() - began
        if not runner.alive():
            return False
        if waited > DEADLINE:
            raise EmbeddedServerFailed(
                f"TiDB runs, and has not answered for {DEADLINE:.0f} seconds.",
                remedy=f"{folder.log} tells more; `tidemark database stop` ends it.",
            )
        if waited > SAY_AFTER and not said:
            said = True
            announce("Waiting for TiDB, which is still starting.")
        time.sleep(POLL)
    return True
