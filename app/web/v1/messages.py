"""The questions in a conversation, as chat clients send it."""

from __future__ import annotations

from dataclasses import dataclass

from app.web.v1.errors import Refused

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_TEXTS = frozenset({"text", "input_text", "output_text"})


@dataclass(frozen=True)
class Asked:
    """The last user message, and those before it, the oldest first, which it may point back to."""

    question: str
    before: tuple[str, ...] = ()


def asked_in(messages: object, param: str = "messages") -> Asked:
    """What is asked in a conversation; what others than the user said in it is checked, not read.

    `param` is the field that is to blame.

    Raises:
        Refused: no conversation, none with a question in text, or of another shape.
    """
    if not isinstance(messages, list) or not messages:
        raise Refused(f"{param!r} must be an array of messages that is not empty.", param=param)
    questions = list[str]()
    for place, message in enumerate(messages):
        said = _text(message, f"{param}[{place}]", param)
        if message["role"] == "user":
            questions.append(said)
    if not questions or not questions[-1].strip():
        raise Refused(f"{param!r} must have a message of the role 'user' with text.", param=param)
    return Asked(questions[-1], tuple(filter(str.strip, questions[:-1])))


def _text(message: object, name: str, param: str) -> str:
    if not isinstance(message, dict) or str(message.get("role")) not in _ROLES:
        roles = ", ".join(sorted(_ROLES))
        raise Refused(f"'{name}' must be an object whose 'role' is one of {roles}.", param=param)
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        return "\n".join(_part(part, name, param) for part in content)
    if content is None and message["role"] != "user":  # an assistant that only called a tool
        return ""
    raise Refused(f"'{name}.content' must be a string or an array of text parts.", param=param)


def _part(part: object, name: str, param: str) -> str:
    if isinstance(part, dict) and part.get("type") in _TEXTS and isinstance(part.get("text"), str):
        return str(part["text"])
    raise Refused(f"'{name}.content' may have parts of text only.", param=param)
