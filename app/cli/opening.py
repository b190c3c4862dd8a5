"""What commands work with: the settings, and the services made from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from app.cli.console import log_to_messages, say

if TYPE_CHECKING:
    from app.config import Settings
    from app.services import Services


def read_settings() -> Settings:
    """The settings; from here on the log is shown at their level."""
    from app.config import load_settings

    settings = load_settings()
    log_to_messages(settings.log_level, settings.log_format)
    return settings


@contextmanager
def open_everything(
    settings: Settings | None = None, *, serving: bool = False
) -> Iterator[Services]:
    """The services, told of on stderr while they open, and closed in the end."""
    settings = settings or read_settings()
    from app.opening import open_services

    with ExitStack() as stack:
        if settings.traces is not None:
            from app.telemetry import send_traces

            stack.callback(send_traces(settings.traces))
        yield stack.enter_context(open_services(settings, say, serving=serving))
