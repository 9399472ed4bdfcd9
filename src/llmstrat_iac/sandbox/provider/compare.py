"""When two property values mean the same to AWS: JSON text, unordered lists, numbers in text, key ids and ARNs.

Null, empty text, zero, false and empty collections are equal, as in the SDKv2 framework of the real provider.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from llmstrat_iac.sandbox.provider.table import Comparison
from llmstrat_iac.sandbox.provider.values import Blob, Unknown

Rules = Mapping[str, Comparison]


def is_empty(value: Any) -> bool:
    """Whether a value says nothing more than its absence does."""
    if isinstance(value, dict):
        return all(is_empty(item) for item in value.values())
    return value is None or value in ("", 0, False) or value == []


def same_scalar(old: Any, new: Any, rule: Comparison | None) -> bool:
    """Whether two leaves are equal under the rule of their path."""
    if isinstance(old, Unknown) or isinstance(new, Unknown):
        return False
    if isinstance(old, Blob) and isinstance(new, Blob):
        return old.kind == new.kind and old.hash == new.hash and (bool(new.hash) or old.fields == new.fields)
    if old == new:
        return isinstance(old, bool) == isinstance(new, bool)
    form = FORMS.get(rule or "set")
    return form is not None and form(old) is not None and bool(form(old) == form(new))


def canonical_json(text: Any) -> Any:
    """JSON text as a value in which policy lists of one element equal the element, and order doesn't matter."""
    try:
        return _canonical(json.loads(text))
    except (TypeError, ValueError):
        return text


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        if all(isinstance(item, str) for item in items):
            return items[0] if len(items) == 1 else sorted(items)
        return items
    return value


def _last_segment(value: Any) -> str:
    """What an ARN and the id in it have in common."""
    return str(value).rpartition("/")[2]


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


FORMS: Mapping[str, Callable[[Any], Any]] = {"json": canonical_json, "number": _number, "arn": _last_segment}
