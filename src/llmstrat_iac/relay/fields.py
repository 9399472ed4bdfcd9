"""Typed reading of parsed JSON objects: a wrong configuration fails with the field's path and not with a KeyError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from .errors import ConfigError

T = TypeVar("T")
_NAMES = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


class Fields:
    """One JSON object and where it stands in the file."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise ConfigError(f"{path}: expected an object, got {type(value).__name__}")
        self.value: dict[str, Any] = value
        self.path = path

    def take(self, name: str, kind: type[T]) -> T:
        """The field `name`, which must be there."""
        if name not in self.value:
            raise ConfigError(f"{self.path}.{name}: missing")
        return self._checked(name, kind)

    def maybe(self, name: str, kind: type[T]) -> T | None:
        """The field `name`, or None when it is missing or null."""
        return None if self.value.get(name) is None else self._checked(name, kind)

    def each(self, name: str) -> list[tuple[str, Fields]]:
        """The members of the object `name`, each as Fields."""
        return [(key, Fields(item, f"{self.path}.{name}.{key}")) for key, item in self.take(name, dict).items()]

    def strings(self, name: str) -> tuple[str, ...]:
        """The field `name`, which must be a list of strings."""
        items = self.take(name, list)
        if not all(isinstance(item, str) for item in items):
            raise ConfigError(f"{self.path}.{name}: expected a list of strings")
        return tuple(items)

    def only(self, *names: str) -> None:
        """Refuse what isn't known: a mistyped field must not be a silent default."""
        for name in self.value:
            if name not in names:
                raise ConfigError(f"{self.path}.{name}: unknown field; known: {', '.join(names)}")

    def _checked(self, name: str, kind: type[T]) -> T:
        value = self.value[name]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigError(f"{self.path}.{name}: expected {_NAMES.get(kind, kind.__name__)}, got {value!r}")
        return value


def read_fields(path: Path) -> Fields:
    """Read a JSON object of `version` 1 from a file."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    fields = Fields(document, path.name)
    if fields.take("version", int) != 1:
        raise ConfigError(f"{path.name}.version: expected 1, got {fields.value['version']!r}")
    return fields
