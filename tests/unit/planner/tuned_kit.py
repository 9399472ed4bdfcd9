"""Builds specs with `tuning:` and small datasets in a folder; plans them on a fixed day."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Finding, Plan
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.tuning import ResolvedTuning

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
VENDORS: dict[str, dict[str, Any]] = {
    "bedrock": {"base_model": "amazon.nova-micro-v1:0:128k"},
    "sagemaker": {"base_model": "huggingface-reasoning-qwen3-8b", "fallback_to_base": False},
    "gemini": {
        "base_model": "gemini-2.5-flash-lite",
        "credentials": {"secret": "google-service-account"},
        "options": {"project": "example-project", "bucket": "example-bucket"},
    },
    "openai": {"base_model": "gpt-4.1-mini-2025-04-14", "credentials": {"secret": "env:OPENAI_API_KEY"}},
}


def examples(number: int, *, first: int = 0) -> list[dict[str, Any]]:
    """Different supervised examples."""
    return [
        {"messages": [{"role": "user", "content": f"Question {i}?"}, {"role": "assistant", "content": f"Answer {i}."}]}
        for i in range(first, first + number)
    ]


def pairs(number: int) -> list[dict[str, Any]]:
    """Different preference pairs."""
    return [{"prompt": f"Question {i}?", "chosen": f"Yes, {i}.", "rejected": "No idea."} for i in range(number)]


def write_data(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def spec_document(vendor: str = "bedrock", *, tuning: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A whole spec as data; `tuning` and `top` replace keys."""
    block = {"provider": vendor, "alias": "support", "dataset": {"train": "train.jsonl"}, **VENDORS[vendor]}
    return {
        "apiVersion": "llmstrat/v1",
        "name": "tuned",
        "strategy": "B",
        "owner": "ml@example.com",
        "region": "us-east-1",
        "data": {"classification": "internal"},
        "limits": {"ttl": "72h", "monthly_usd": 500},
        "endpoint": {"consumers": [{"name": "web", "models": ["support"], "tokens_per_month": 1_000_000}]},
        "tuning": block | (tuning or {}),
        **top,
    }


def load(folder: Path, vendor: str = "bedrock", *, tuning: dict[str, Any] | None = None, **top: Any) -> ResolvedSpec:
    """The spec, resolved from a file in the folder; JSON is YAML."""
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec_document(vendor, tuning=tuning, **top)), encoding="utf-8")
    return load_spec(path)


def resolved_tuning(resolved: ResolvedSpec) -> ResolvedTuning:
    """The resolved block, which must be there."""
    assert resolved.tuning is not None
    return resolved.tuning


def plan(resolved: ResolvedSpec, *, now: datetime = NOW, read_files: bool = True) -> Plan:
    """The plan of a spec."""
    return build_plan(resolved, create_registry(), now=now, read_files=read_files)


def findings(resolved: ResolvedSpec, *, now: datetime = NOW) -> dict[str, Finding]:
    """The plan's findings by rule."""
    return {finding.rule: finding for finding in plan(resolved, now=now).findings}
