"""The TiDB that Tidemark brings along: found or built, shared, and stopped by the last to leave."""

from app.database.embedded.server import EmbeddedServer, Lease, stop_embedded_server
from app.database.embedded.status import EmbeddedStatus, embedded_server_status

__all__ = [
    "EmbeddedServer",
    "EmbeddedStatus",
    "Lease",
    "embedded_server_status",
    "stop_embedded_server",
]
