"""Exit codes, and what each kind of error ends with."""

from __future__ import annotations

from enum import IntEnum

from app.errors import (
    InvalidCollection,
    InvalidName,
    InvalidRequest,
    InvalidSetting,
    TidemarkError,
)

EXIT_CODES = (
    "Exit codes: 0 done; 1 something failed, such as a document that cannot be read; 2 wrong usage "
    "or settings; 3 TiDB, a model or a provider is not available; 130 interrupted with Ctrl-C."
)

USAGE_ERRORS = (InvalidSetting, InvalidRequest, InvalidName, InvalidCollection)
UNAVAILABLE_STATUSES = (502, 503)


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    UNAVAILABLE = 3
    INTERRUPTED = 130
    TERMINATED = 143


def exit_code(error: TidemarkError) -> ExitCode:
    """The code that a command ended by `error` exits with."""
    if isinstance(error, USAGE_ERRORS):
        return ExitCode.USAGE
    if error.status_code in UNAVAILABLE_STATUSES:
        return ExitCode.UNAVAILABLE
    return ExitCode.FAILED
