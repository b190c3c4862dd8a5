"""What is wrong with a form that cannot be read, in words: its parser has names for its parts."""

from __future__ import annotations

from fastapi import UploadFile
from starlette.formparsers import MultiPartException

from app.documents.names import LONGEST_NAME
from app.errors import InvalidRequest

_FAULTS = (
    (
        "header size",
        "The name of a file, or of a field, is too long to be read.",
        f"Give the file a shorter name: at most {LONGEST_NAME} characters.",
    ),
    (
        "too many files",
        "There are too many files in one request.",
        "Send at most 1,000 files at once.",
    ),
    ("too many fields", "The form has too many fields.", "Send at most 1,000 fields at once."),
    (
        "part exceeded",
        "A field of the form is larger than 1 MB.",
        "Send what is large as a file: only files may be.",
    ),
    (
        "boundary",
        "The header Content-Type does not tell, or not rightly, what parts the form.",
        "Let your HTTP client set that header; with curl, use -F 'files=@guide.md'.",
    ),
)
"""By words of the parser's message: what happened, and what to do about it."""


def file_name(file: UploadFile) -> str:
    """A file's name as it was chosen, empty if it has none.

    HTML's standard has browsers write a quotation mark in it as %22, and leave a % as it is.
    """
    return (file.filename or "").replace("%22", '"')


def fault_of(broken: MultiPartException) -> InvalidRequest:
    """What to tell whoever sent the form."""
    said = f"{broken.message} {broken.__cause__ or ''}".lower()
    for words, message, remedy in _FAULTS:
        if words in said:
            return InvalidRequest(message, remedy=remedy)
    return InvalidRequest(
        "The form is cut off, or not written as multipart/form-data is.",
        remedy="Let your HTTP client write it; with curl, use -F 'files=@guide.md'.",
    )


def no_file(field: str) -> InvalidRequest:
    """What to tell whoever sent no file where there must be one."""
    return InvalidRequest(
        f"There is no file in the form's field {field!r}.",
        remedy=f"Send a file that has a name; with curl, use -F '{field}=@guide.md'.",
    )
