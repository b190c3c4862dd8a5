"""Free ports on loopback for the embedded server."""

from __future__ import annotations

import socket

from app.database.embedded.folder import ServerState
from app.database.embedded.process import LOOPBACK


def choose_ports(last: ServerState | None) -> tuple[int, int]:
    """Two free ports: those of the last start if they still are, so that its users find it."""
    wanted = (last.port, last.status_port) if last else (0, 0)
    first, second = (_listener(port) for port in wanted)
    with first, second:  # both are held until both are known, so that they differ
        return first.getsockname()[1], second.getsockname()[1]


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As Go's net package does: connections that linger after a stop don't hold the port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(1)
    except OSError:
        listener.close()
        if port == 0:
            raise
        return _listener(0)
    return listener
