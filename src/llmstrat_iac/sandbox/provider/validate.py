"""Exact validation of inputs against the schema: unknown and missing properties, wrong types, at every depth.

Unknown and secret values pass where a value of any type may still come. It reports, it doesn't change anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from llmstrat_iac.sandbox.provider.schema import Field, ListOf, MapOf, ObjectOf, Scalar, TextOr, Type
from llmstrat_iac.sandbox.provider.values import Blob, Secret, Unknown

WORDS = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "a boolean",
    "asset": "an Asset", "archive": "an Archive", "blob": "an Asset or Archive",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """One rejected property."""

    path: str
    reason: str


def validate_inputs(
    inputs: Mapping[str, Any], fields: Mapping[str, Field], *, supplied: frozenset[str] = frozenset()
) -> list[Failure]:
    """All failures of a property bag; `supplied` names required properties that Check will fill in itself."""
    return list(_object(inputs, fields, "", supplied))


def _object(
    value: Mapping[str, Any], fields: Mapping[str, Field], path: str, supplied: frozenset[str] = frozenset()
) -> Iterator[Failure]:
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        if name.startswith("__"):
            continue
        if name not in fields:
            yield Failure(here, _unknown_property(name, fields))
        elif item is None and fields[name].required:
            yield Failure(here, "missing required property")
        else:
            yield from _value(item, fields[name].type, here)
    for field in fields.values():
        if field.required and field.name not in value and field.name not in supplied:
            yield Failure(f"{path}.{field.name}" if path else field.name, "missing required property")


def _unknown_property(name: str, fields: Mapping[str, Field]) -> str:
    close = get_close_matches(_camel(name), fields, n=1)
    return f"no such property; did you mean `{close[0]}`?" if close else "no such property"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _value(value: Any, kind: Type, path: str) -> Iterator[Failure]:
    if isinstance(value, Secret):
        value = value.value
    if isinstance(kind, TextOr):
        kind = Scalar("str") if isinstance(value, str) else kind.block
    if value is None or isinstance(value, Unknown):
        return
    wanted = _mismatch(value, kind)
    if wanted:
        yield Failure(path, f"expected {wanted}, got {_word(value)}")
    elif isinstance(kind, ListOf):
        for index, item in enumerate(value):
            yield from _value(item, kind.item, f"{path}[{index}]")
    elif isinstance(kind, MapOf):
        for key, item in value.items():
            yield from _value(item, kind.item, f"{path}.{key}")
    elif isinstance(kind, ObjectOf):
        yield from _object(value, kind.fields, path)


def _mismatch(value: Any, kind: Type) -> str | None:
    """What was wanted, if the value isn't of that kind."""
    if isinstance(kind, Scalar):
        return None if _fits(value, kind.kind) else WORDS[kind.kind]
    if isinstance(kind, ListOf):
        return None if isinstance(value, list) else "a list"
    wanted = "a map" if isinstance(kind, MapOf) else "an object"
    return None if isinstance(value, dict) else wanted


def _fits(value: Any, kind: str) -> bool:
    if kind == "any":
        return True
    if kind in {"asset", "archive", "blob"}:
        return isinstance(value, Blob) and kind in {value.kind, "blob"}
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "str":
        return isinstance(value, str)
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return numeric and (kind == "float" or isinstance(value, int))


def _word(value: Any) -> str:
    if isinstance(value, Blob):
        return f"an {value.kind.capitalize()}"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return {"str": "a string", "list": "a list", "dict": "an object"}.get(type(value).__name__, "something else")
