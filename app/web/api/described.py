"""The OpenAPI document as a person reads it: operations, what they take, what they give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 8  # a shape may hold itself


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body or reply; `inside` is its path in the shape."""

    inside: str
    kind: str
    required: bool
    default: str
    description: str


@dataclass(frozen=True)
class Reply:
    status: int
    phrase: str
    description: str


@dataclass(frozen=True)
class Operation:
    anchor: str
    method: str
    path: str
    description: tuple[str, ...]
    """Paragraphs; the first says what it does."""
    parameters: tuple[Field, ...]
    body_type: str
    body: tuple[Field, ...]
    reply_status: int
    reply: tuple[Field, ...]
    example: str
    """The reply as JSON; empty where it is none."""
    command: str
    errors: tuple[Reply, ...]


@dataclass(frozen=True)
class Group:
    name: str
    operations: tuple[Operation, ...]


def groups(document: Json, address: str) -> tuple[Group, ...]:
    """The operations of `document` by tag, in its order; commands go to the server at `address`."""
    shapes = document.get("components", {}).get("schemas", {})
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = _operation(path, method, methods[method], shapes, address)
                found.setdefault(methods[method]["tags"][0], []).append(operation)
    return tuple(Group(name, tuple(operations)) for name, operations in found.items())


def _operation(path: str, method: str, said: Json, shapes: Json, address: str) -> Operation:
    body_type, body = _content(said.get("requestBody", {}), shapes)
    ok = next(status for status in said["responses"] if status.startswith("2"))
    _, reply = _content(said["responses"][ok], shapes)
    reply_example = example(reply, shapes)
    return Operation(
        anchor=said["operationId"],
        method=method.upper(),
        path=path,
        description=tuple(str(said.get("description") or said["summary"]).split("\n\n")),
        parameters=tuple(_parameter(p, shapes) for p in said.get("parameters", [])),
        body_type=body_type,
        body=tuple(fields(body, shapes)),
        reply_status=int(ok),
        reply=tuple(fields(reply, shapes)),
        example=json.dumps(reply_example, indent=2, ensure_ascii=False) if reply_example else "",
        command=_command(address + path, method, said, body_type, example(body, shapes)),
        errors=tuple(
            Reply(int(status), HTTPStatus(int(status)).phrase, reply["description"])
            for status, reply in said["responses"].items()
            if not status.startswith("2")
        ),
    )


def _content(part: Json, shapes: Json) -> tuple[str, Json]:
    """The media type of a body or reply, and its shape."""
    for media_type, content in part.get("content", {}).items():
        return media_type, _resolved(content.get("schema", {}), shapes)
    return "", {}


def _parameter(said: Json, shapes: Json) -> Field:
    shape = said.get("schema", {})
    return Field(
        said["name"],
        kind(shape, shapes),
        said.get("required", False),
        _default(shape),
        said.get("description") or shape.get("description", ""),
    )


def fields(shape: Json, shapes: Json, inside: str = "", depth: int = 0) -> Iterator[Field]:
    """Every field of a shape, and of the shapes in it: `results[].text`."""
    for name, said in shape.get("properties", {}).items():
        path = f"{inside}{name}"
        yield Field(
            path,
            kind(said, shapes),
            name in shape.get("required", []),
            _default(said),
            said.get("description", ""),
        )
        within = _resolved(_first(said), shapes)
        many = within.get("type") == "array"
        if many:
            within = _resolved(within.get("items", {}), shapes)
        if depth < DEEPEST:
            yield from fields(within, shapes, f"{path}[]." if many else f"{path}.", depth + 1)


def kind(said: Json, shapes: Json) -> str:
    """What a value may be, in words."""
    shape = _resolved(said, shapes)
    if "anyOf" in shape:
        return " or ".join(kind(one, shapes) for one in shape["anyOf"])
    if "enum" in shape:
        return " or ".join(f"“{value}”" for value in shape["enum"])
    if shape.get("type") == "array":
        items = shape.get("items") or (shape.get("prefixItems") or [{}])[0]
        return f"list of {kind(items, shapes)}"
    if "contentMediaType" in shape or shape.get("format") == "binary":
        return "file"
    return "time" if shape.get("format") == "date-time" else str(shape.get("type", "any"))


def example(said: Json, shapes: Json, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """A value of the shape, from its examples."""
    shape = _resolved(_first(said), shapes)
    given = [*said.get("examples", []), *shape.get("examples", []), *shape.get("enum", [])]
    if given or "default" in said:
        return given[0] if given else said["default"]
    if "properties" in shape and depth < DEEPEST:
        return {name: example(one, shapes, depth + 1) for name, one in shape["properties"].items()}
    if shape.get("type") == "array" and depth < DEEPEST:
        return [example(shape.get("items", {}), shapes, depth + 1)]
    plain = {"string": "…", "integer": 1, "number": 1.0, "boolean": True}
    times = {"date-time": "2026-11-21T12:00:00Z"}
    return times.get(shape.get("format", ""), plain.get(shape.get("type", "")))


def _command(url: str, method: str, said: Json, body_type: str, body: object) -> str:
    """What one types into a shell."""
    values = {
        p["name"]: str((p.get("schema", {}).get("examples") or ["handbook"])[0])
        for p in said.get("parameters", [])
    }
    asked = [p for p in said.get("parameters", []) if p["in"] == "query" and p.get("required")]
    words = ["curl"]
    if body_type == "multipart/form-data":
        words += ["-F files=@guide.pdf", "-F files=@notes.md"]
    elif body_type == "application/json":
        words.append(f"--json '{json.dumps(body, ensure_ascii=False)}'")
    elif asked:
        words += ["-G", *(f"--data-urlencode '{p['name']}={values[p['name']]}'" for p in asked)]
    if method == "delete":
        words.append("-X DELETE")
    return " ".join([*words, url.format_map(values)])


def _resolved(said: Json, shapes: Json) -> Json:
    """A shape with what it refers to; what is said beside the reference counts more."""
    if "$ref" not in said:
        return said
    return {**shapes.get(said["$ref"].rpartition("/")[2], {}), **said}


def _first(said: Json) -> Json:
    """The first of several shapes that a value may have: the other is null."""
    return {**said["anyOf"][0], **said} if "anyOf" in said else said


def _default(shape: Json) -> str:
    if shape.get("default") in (None, [], ()):
        return ""
    return json.dumps(shape["default"], ensure_ascii=False)
