"""Properties between Pulumi's spelling and an API's: renames, nested blocks, tags, JSON documents, times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

Tags = dict[str, str]


def request(args: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """API arguments from properties: `names` maps API name to property; unset and empty text is left out."""
    return {api: args[prop] for api, prop in names.items() if args.get(prop) not in (None, "")}


def answer(result: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Properties from an API answer: `names` maps API name to property; what the answer lacks is None."""
    return {prop: result.get(api) for api, prop in names.items()}


def pascal(value: Any) -> Any:
    """A block in an API's spelling: first letters of keys upper-case, at every depth; unset entries dropped."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: pascal(item) for key, item in value.items() if item is not None}
    return [pascal(item) for item in value] if isinstance(value, list) else value


def camel(value: Any) -> Any:
    """The reverse of `pascal`."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: camel(item) for key, item in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value


def tag_list(tags: Mapping[str, str] | None, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as the list of pairs that most APIs take."""
    return [{key: name, value: text} for name, text in (tags or {}).items()]


def tag_map(tags: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> Tags:
    """Tags from a list of pairs."""
    return {item[key]: item.get(value, "") for item in tags or ()}


def tag_delta(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Tags, list[str]]:
    """(tags to set, tag keys to remove) between a state and new inputs."""
    before, after = old.get("tagsAll") or {}, new.get("tagsAll") or {}
    return (
        {key: value for key, value in after.items() if before.get(key) != value},
        [key for key in before if key not in after],
    )


def changed(old: Mapping[str, Any], new: Mapping[str, Any], *names: str) -> bool:
    """Whether any of the properties differs."""
    return any((old.get(name) or None) != (new.get(name) or None) for name in names)


def document(value: Any) -> str | None:
    """A JSON document as compact text; IAM answers with URL-encoded text or, through botocore, with a parsed value."""
    if value in (None, ""):
        return None
    if isinstance(value, str):
        text = unquote(value) if value.lstrip()[:1] == "%" else value
        try:
            value = json.loads(text)
        except ValueError:
            return text
    return json.dumps(value, separators=(",", ":"))


def timestamp(value: Any) -> str | None:
    """A time as RFC 3339 in UTC."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


def number(value: Any) -> Any:
    """A number that an API may spell as text."""
    if value in (None, ""):
        return None
    real = float(value)
    return int(real) if real.is_integer() else real


def truth(value: Any) -> bool:
    """A boolean that an API may spell as text."""
    return value is True or str(value).lower() == "true"


def wire(value: Any) -> str:
    """A patch operation's or attribute's value: always text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
