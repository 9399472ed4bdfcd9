"""Check: validates a resource's inputs and completes them the way the real bridge does.

Adds the provider's region, a generated name that stays stable over updates, schema defaults (all listed in
`__defaults`), and `tagsAll`. Works on wrapped values, so secrets stay secret; calls no API.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from llmstrat_iac.sandbox.provider.config import ProviderConfig
from llmstrat_iac.sandbox.provider.schema import Schema
from llmstrat_iac.sandbox.provider.table import Autoname, Row
from llmstrat_iac.sandbox.provider.validate import Failure, validate_inputs
from llmstrat_iac.sandbox.provider.values import UNKNOWN, Props, Secret, Unknown, has_unknown, plain

DEFAULTS = "__defaults"
RANDOM_LENGTH = 7


@dataclass(frozen=True, slots=True)
class Naming:
    """What the engine asks about names: a proposal to use, a name to obey, or none at all."""

    mode: Literal["propose", "enforce", "disable"]
    proposed: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The completed inputs, or why they were rejected."""

    inputs: Props
    failures: list[Failure]


def check_inputs(
    row: Row,
    schema: Schema,
    *,
    name: str,
    news: Props,
    olds: Props,
    config: ProviderConfig,
    seed: bytes = b"",
    naming: Naming | None = None,
) -> Checked:
    """Validate and complete `news`; `olds` are the inputs of the last successful operation."""
    supplied = frozenset({row.autoname.target} if row.autoname else ())
    failures = validate_inputs(news, schema.inputs, supplied=supplied)
    if failures:
        return Checked(news, failures)
    inputs = {key: value for key, value in news.items() if value is not None and not key.startswith("__")}
    for key, rule in row.compare.items():
        if rule == "json" and key in inputs:
            inputs[key] = _json_text(inputs[key])
    filled: list[str] = []

    def fill(key: str, value: Any) -> None:
        inputs[key] = value
        filled.append(key)

    if "region" in schema.inputs and "region" not in inputs:
        fill("region", config.region)
    if row.autoname and row.autoname.target not in inputs and row.autoname.prefix_input not in inputs:
        outcome = _name(row.autoname, name, inputs, olds, seed, naming)
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            fill(row.autoname.target, outcome)
    for key, value in row.defaults.items():
        if key not in inputs:
            fill(key, value)
    if "tagsAll" in row.computed:
        inputs["tagsAll"] = _all_tags(inputs.get("tags"), config)
    inputs[DEFAULTS] = sorted(filled)
    return Checked(inputs, failures)


def _name(
    rule: Autoname, logical: str, inputs: Mapping[str, Any], olds: Props, seed: bytes, naming: Naming | None
) -> str | Failure:
    previous = olds.get(rule.target)
    if isinstance(previous, str) and rule.target in olds.get(DEFAULTS, []):
        return previous
    if naming and naming.mode == "disable":
        return Failure(rule.target, "automatic naming is disabled: give a name")
    if naming and (naming.mode == "enforce" or rule.random):
        return naming.proposed
    if not rule.random:
        return logical
    suffix = next((text for flag, text in rule.suffix_if.items() if plain(inputs.get(flag)) is True), "")
    stem = f"{rule.prefix}{logical.lower() if rule.lower else logical}{rule.separator}"
    if len(stem) + RANDOM_LENGTH + len(suffix) > rule.max:
        return Failure(
            rule.target,
            f"name '{stem}' plus {RANDOM_LENGTH + len(suffix)} characters is longer than maximum length {rule.max}",
        )
    return f"{stem}{_random_hex(seed, rule.target)}{suffix}"


def _random_hex(seed: bytes, key: str) -> str:
    """Seven hex digits, from the engine's seed when it gives one, so that preview and update agree."""
    digest = hashlib.sha256(seed + key.encode()).hexdigest() if seed else secrets.token_hex(RANDOM_LENGTH)
    return digest[:RANDOM_LENGTH]


def _json_text(value: Any) -> Any:
    """A document given as an object, as the text that AWS takes."""
    if isinstance(value, Secret):
        return Secret(_json_text(value.value))
    if not isinstance(value, (dict, list)):
        return value
    return UNKNOWN if has_unknown(value) else json.dumps(plain(value), separators=(",", ":"))


def _all_tags(tags: Any, config: ProviderConfig) -> Any:
    if isinstance(tags, Secret):
        return Secret(_all_tags(tags.value, config))
    if isinstance(tags, Unknown):
        return UNKNOWN
    merged = {**config.default_tags, **(tags or {})}
    return {key: value for key, value in merged.items() if not config.ignores_tag(key) or has_unknown(value)}
