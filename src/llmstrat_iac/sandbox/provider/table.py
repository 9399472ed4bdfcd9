"""How each `aws` type behaves, as data: `resources.json`, reduced from what the real provider's source says.

Each row names its source. This module only loads rows and answers questions about property paths; a path's pattern is
the path with `[]` for every list index.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

Comparison = Literal["json", "set", "number", "arn"]


@dataclass(frozen=True, slots=True)
class Autoname:
    """How a physical name is made of the logical one when the program gives none."""

    target: str
    max: int
    separator: str = "-"
    prefix: str = ""
    lower: bool = False
    random: bool = True
    suffix_if: Mapping[str, str] = field(default_factory=dict)

    @property
    def prefix_input(self) -> str:
        """The input that asks for a generated name with a given beginning: `namePrefix`, `bucketPrefix`, …"""
        return f"{self.target}Prefix"


@dataclass(frozen=True, slots=True)
class Row:
    """One type's (or function's) behaviour."""

    kind: Literal["resource", "function"]
    source: str
    terraform: str
    sdk: Literal["sdkv2", "framework"] = "sdkv2"
    noun: str = ""
    force_new: frozenset[str] = frozenset()
    force_new_nested: frozenset[str] = frozenset()
    replace_when: Mapping[str, Literal["changed", "count"]] = field(default_factory=dict)
    unmodelled: Mapping[str, str] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    optional_computed: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    autoname: Autoname | None = None
    delete_before_replace: bool = False
    secret_outputs: frozenset[str] = frozenset()
    compare: Mapping[str, Comparison] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()
    import_format: str = "id"
    inputs: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()

    def replaces(self, pattern: str, *, added_or_removed: bool) -> bool:
        """Whether a change at this path makes a replacement necessary."""
        top = pattern.partition(".")[0].partition("[")[0]
        if top in self.force_new or pattern in self.force_new_nested:
            return True
        for path, rule in self.replace_when.items():
            if pattern in (path, f"{path}[]"):
                return rule == "changed" or added_or_removed
            if rule == "changed" and pattern.startswith((f"{path}.", f"{path}[")):
                return True
        return False


SETS = {
    "force_new", "force_new_nested", "computed", "optional_computed", "required", "secret_outputs", "volatile",
    "inputs", "outputs",
}  # fmt: skip


def _row(raw: dict[str, Any]) -> Row:
    values: dict[str, Any] = {key: frozenset(value) if key in SETS else value for key, value in raw.items()}
    if "import" in values:
        values["import_format"] = values.pop("import")
    if "autoname" in values:
        values["autoname"] = Autoname(**values["autoname"])
    return Row(**values)


@lru_cache(maxsize=1)
def load_table() -> Mapping[str, Row]:
    """Every row by its token."""
    text = files(__package__).joinpath("resources.json").read_text(encoding="utf-8")
    return {token: _row(raw) for token, raw in json.loads(text).items()}
