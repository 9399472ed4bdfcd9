"""Requests checked against the service's own model, as botocore ships it: members, types, enums, patterns, ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str, "structure": dict, "map": dict, "list": list, "boolean": bool, "integer": int, "long": int,
    "float": (int, float), "double": (int, float), "timestamp": (int, float, str),
}  # fmt: skip
# Only ever inside a character class.
_UNICODE = {
    r"\p{L}": "a-zA-Z\u00aa-\U0010ffff",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
    r"\p{Alnum}": "a-zA-Z0-9",
} | dict.fromkeys((r"\p{M}", r"\p{S}", r"\p{P}"), r"\W")


@lru_cache(maxsize=16)
def service_model(service: str) -> Any:
    """botocore's model of a service."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def complaints(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """What AWS would say against a request, in its own manner; an unknown member counts, too."""
    where = path or "the request"
    if not _fits(shape.type_name, value):
        yield f"Value at '{where}' failed to satisfy constraint: Member must be of type {shape.type_name}"
    elif shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        yield from _size(shape, len(value), where)
        for index, item in enumerate(value, 1):
            yield from complaints(shape.member, item, f"{where}.{index}.member")
    elif shape.type_name == "map":
        yield from _size(shape, len(value), where)
        for key, item in value.items():
            yield from complaints(shape.value, item, f"{where}.{key}")
    elif shape.type_name == "string":
        yield from _text(shape, value, where)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _number(shape, value, where)


def _fits(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS.get(kind, object))


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    for name in shape.required_members:
        wire = shape.members[name].serialization.get("name", name)
        if value.get(wire) is None:
            yield f"Value at '{_below(path, wire)}' failed to satisfy constraint: Member must not be null"
    for name, item in value.items():
        if name not in members:
            yield f"Unknown member '{_below(path, name)}'"
        elif item is not None:
            yield from complaints(members[name], item, _below(path, name))


def _below(path: str, name: str) -> str:
    camel = name[0].lower() + name[1:]
    return f"{path}.{camel}" if path else camel


def _size(shape: Any, length: int, where: str) -> Iterator[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if length < least or (most is not None and length > most):
        yield f"Value at '{where}' failed to satisfy constraint: Member must have length between {least} and {most}"


@lru_cache(maxsize=256)
def _pattern(java: str) -> re.Pattern[str]:
    """A pattern of the model's, whose Unicode classes Python's `re` doesn't know."""
    for name, characters in _UNICODE.items():
        java = java.replace(name, characters)
    try:
        return re.compile(java, re.DOTALL)
    except re.error:
        # A few of the model's patterns aren't any, such as `[]+`.
        return re.compile(".*", re.DOTALL)


def _text(shape: Any, value: str, where: str) -> Iterator[str]:
    yield from _size(shape, len(value), where)
    pattern = shape.metadata.get("pattern")
    if shape.enum and value not in shape.enum:
        yield (
            f"Value '{value}' at '{where}' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(shape.enum)}]"
        )
    elif pattern and not _pattern(pattern).fullmatch(value):
        yield (
            f"Value '{value}' at '{where}' failed to satisfy constraint: Member must satisfy regular expression "
            f"pattern: {pattern}"
        )


def _number(shape: Any, value: float, where: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield f"Value '{value}' at '{where}' failed to satisfy constraint: Member must be at least {least}"
    if most is not None and value > most:
        yield f"Value '{value}' at '{where}' failed to satisfy constraint: Member must be at most {most}"
