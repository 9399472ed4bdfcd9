"""What changed between a resource's state and its new inputs, and whether that replaces it.

State is compared with the checked inputs (not inputs with inputs), so drift that a refresh found shows as a change.
Pure: no API calls, no knowledge of single types beyond their table row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from llmstrat_iac.sandbox.provider.compare import Rules, is_empty, same_scalar
from llmstrat_iac.sandbox.provider.schema import ListOf, MapOf, ObjectOf, Scalar, Schema, Type
from llmstrat_iac.sandbox.provider.table import Row
from llmstrat_iac.sandbox.provider.values import Props, Unknown

Kind = Literal["add", "delete", "update"]


@dataclass(frozen=True, slots=True)
class Change:
    """One changed path; `pattern` is the path with `[]` for list indexes."""

    path: str
    pattern: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Diff:
    """All changes of a resource, those that replace it, and whether the old one goes first."""

    changes: tuple[Change, ...]
    replaces: frozenset[str]
    delete_before_replace: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Walks two values; `before` is the same place in the old inputs, which tells removal from an API's extra field."""

    rules: Rules

    def changes(self, path: str, pattern: str, kind: Type, old: Any, new: Any, before: Any) -> Iterator[Change]:
        if is_empty(old) and is_empty(new) and not isinstance(new, Unknown):
            return
        if isinstance(old, dict) and isinstance(new, dict):
            yield from self._objects(path, pattern, kind, old, new, before)
        elif isinstance(old, list) and isinstance(new, list):
            yield from self._lists(path, pattern, kind, old, new, before)
        elif not same_scalar(old, new, self.rules.get(pattern)):
            yield Change(path, pattern, "add" if old is None else "delete" if new is None else "update")

    def _objects(self, path: str, pattern: str, kind: Type, old: Props, new: Props, before: Any) -> Iterator[Change]:
        previous = before if isinstance(before, dict) else {}
        for key in {**new, **old}:
            if key not in new and not isinstance(kind, MapOf) and is_empty(previous.get(key)):
                continue
            step = key if re.fullmatch(r"[A-Za-z_$][\w$]*", key) else f'["{key}"]'
            here = f"{path}{step}" if step.startswith("[") else f"{path}.{step}"
            yield from self.changes(
                here, f"{pattern}.{key}", part_type(kind, key), old.get(key), new.get(key), previous.get(key)
            )

    def _lists(
        self, path: str, pattern: str, kind: Type, old: list[Any], new: list[Any], before: Any
    ) -> Iterator[Change]:
        item = part_type(kind, "")
        if self.rules.get(pattern) == "set":
            old, new = self._unmatched(pattern, item, old, new)
        previous = before if isinstance(before, list) else []
        for index in range(max(len(old), len(new))):
            left = old[index] if index < len(old) else None
            right = new[index] if index < len(new) else None
            seen = previous[index] if index < len(previous) else None
            here = f"{path}[{index}]"
            if left is None or right is None:
                yield Change(here, f"{pattern}[]", "add" if left is None else "delete")
            else:
                yield from self.changes(here, f"{pattern}[]", item, left, right, seen)

    def _unmatched(self, pattern: str, kind: Type, old: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
        """The elements of two sets that have no equal on the other side."""
        left, right = list(old), []
        for wanted in new:
            for candidate in left:
                if self.equal(f"{pattern}[]", kind, candidate, wanted):
                    left.remove(candidate)
                    break
            else:
                right.append(wanted)
        return left, right

    def equal(self, pattern: str, kind: Type, old: Any, new: Any) -> bool:
        """Whether a state value means the same as a wanted one."""
        return next(self.changes("", pattern, kind, old, new, new), None) is None


def part_type(kind: Type, key: str) -> Type:
    """The type one step inside."""
    if isinstance(kind, (ListOf, MapOf)):
        return kind.item
    if isinstance(kind, ObjectOf) and key in kind.fields:
        return kind.fields[key].type
    return Scalar("any")


def compute_diff(
    row: Row,
    schema: Schema,
    *,
    state: Props,
    old_inputs: Props,
    news: Props,
    ignore: Iterable[str] = (),
    also: frozenset[str] = frozenset(),
) -> Diff:
    """Compare the state with new inputs (all plain: secrets unwrapped); changes of the properties in `also` replace."""
    ignored = [_segments(path) for path in ignore]
    changes = tuple(
        change
        for change in _all_changes(row, schema, state, old_inputs, news)
        if not any(_covers(pattern, _segments(change.path)) for pattern in ignored)
    )
    replaces = frozenset(
        change.path
        for change in changes
        if _segments(change.path)[0] in also or row.replaces(change.pattern, added_or_removed=change.kind != "update")
    )
    return Diff(changes, replaces, _deletes_first(row, news))


def _all_changes(row: Row, schema: Schema, state: Props, old_inputs: Props, news: Props) -> Iterator[Change]:
    comparison = Comparison(row.compare)
    for name in {**news, **{key: None for key in state if key in schema.inputs or key == "tagsAll"}}:
        if name.startswith("__"):
            continue
        new = news.get(name)
        old = state.get(name, old_inputs.get(name))
        if name not in news and (name in row.optional_computed or name in row.defaults):
            continue
        if name == "region" and old is None:
            continue
        yield from comparison.changes(name, name, schema.input_type(name), old, new, old_inputs.get(name))


def _deletes_first(row: Row, news: Mapping[str, Any]) -> bool:
    """SDKv2 resources whose name the program fixed can't exist twice; framework ones are always created first."""
    if row.delete_before_replace:
        return True
    name = row.autoname
    if row.sdk != "sdkv2" or name is None or not name.random:
        return False
    return name.target in news and name.target not in news.get("__defaults", [])


def _segments(path: str) -> list[str]:
    """`a.b[0]["c.d"]` -> [a, b, 0, c.d]; `*` stays what it is."""
    return [quoted or plain for quoted, plain in re.findall(r'\["([^"]*)"\]|([^.\[\]]+)', path)]


def _covers(pattern: list[str], path: list[str]) -> bool:
    return len(pattern) <= len(path) and all(want in {"*", have} for want, have in zip(pattern, path, strict=False))
