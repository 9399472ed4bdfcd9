"""Builds specs of strategy C with parts replaced, in a folder with a small dataset; plans them on a fixed day."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuned_kit import examples, write_data

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Finding, Plan
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LLAMA = {
    "id": "meta-llama/Llama-3.1-8B-Instruct",
    "revision": "0e9e39f249a16976918f6564b8830bc894c89659",
    "accept_licence": "llama3.1",
    "token": {"secret": "env:HF_TOKEN"},
}
OPEN = {"id": "Qwen/Qwen3-8B", "revision": "b968826d9c46dd6066d109eabc6255188de91218"}
"""A model that asks for neither licence nor token."""
LOAD = {"requests_per_month": 100_000, "input_tokens": 800, "output_tokens": 300}
CLOSED = [{"name": "bedrock", "models": [{"alias": "nova", "id": "amazon.nova-lite-v1:0"}]}]


def document(
    *,
    model: dict[str, Any] | None = None,
    serving: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    load: dict[str, int] | None = None,
    **top: Any,
) -> dict[str, Any]:
    """A whole spec as data: Llama 3.1 8B served on EC2, unless there is a training only."""
    spec: dict[str, Any] = {
        "apiVersion": "llmstrat/v1",
        "name": "helpdesk",
        "strategy": "C",
        "owner": "ml@example.com",
        "region": "us-east-1",
        "data": {"classification": "internal"},
        "limits": {"monthly_usd": 100_000},
        "model": {"alias": "chat", **(model or LLAMA)},
    }
    if training is not None:
        basic = {"runtime": "ec2", "method": "qlora", "dataset": {"train": "train.jsonl"}}
        spec["training"] = basic | training
    if serving is not None or training is None:
        spec["serving"] = {"runtime": "ec2"} | (serving or {})
        consumer = {"name": "web", "models": ["chat"], "tokens_per_month": 1_000_000}
        spec["endpoint"] = {"consumers": [consumer], **({"load": load} if load else {})}
    return spec | top


def load(folder: Path, *, rows: list[dict[str, Any]] | None = None, **parts: Any) -> ResolvedSpec:
    """That spec, resolved from a file beside a dataset of `rows`, by default 64 short chats."""
    write_data(folder / "train.jsonl", examples(64) if rows is None else rows)
    path = folder / "spec.yaml"
    path.write_text(json.dumps(document(**parts)), encoding="utf-8")
    return load_spec(path)


def plan(folder: Path, *, read_files: bool = True, **parts: Any) -> Plan:
    """The plan of that spec."""
    return build_plan(load(folder, **parts), create_registry(), now=NOW, read_files=read_files)


def findings(folder: Path, **parts: Any) -> dict[str, Finding]:
    """The plan's findings by rule."""
    return {finding.rule: finding for finding in plan(folder, **parts).findings}


def sizing(made: Plan) -> dict[str, str]:
    """Value and what it rests on, by what it is about."""
    return {line.what: f"{line.value} | {line.assumption}" for line in made.stack.sizing}
