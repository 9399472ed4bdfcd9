"""Builds specs of strategy D with parts replaced; plans them on a fixed day, on a cluster of a test's own if wanted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Degrees, Energy, Search, Span
from llmstrat_iac.catalog.sizing.contract import Memory
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Finding, Plan
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHAPE = {
    "layers": 16,
    "hidden_size": 2048,
    "attention_heads": 32,
    "kv_heads": 8,
    "intermediate_size": 8192,
    "vocab_size": 128_256,
    "max_context": 8192,
}
ENDPOINT = {"consumers": [{"name": "web", "models": ["own-model-dev"], "tokens_per_month": 1_000_000}]}


def document(
    *,
    trainer: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
    serving: dict[str, Any] | None = None,
    **top: Any,
) -> dict[str, Any]:
    """A whole spec as data: a billion parameters, 2 billion tokens, two p4d on EC2."""
    spec: dict[str, Any] = {
        "apiVersion": "llmstrat/v1",
        "name": "own-model",
        "strategy": "D",
        "owner": "ml@example.com",
        "region": "us-east-1",
        "data": {"classification": "internal"},
        "limits": {"ttl": "10d", "monthly_usd": 1_000_000} | (limits or {}),
        "architecture": {"shape": SHAPE},
        "tokenizer": {"source": "s3://example/tokenizer/"},
        "corpus": {"source": "s3://example/text/", "tokens": "10B"},
        "trainer": {"tokens": "2B", "batch_sequences": 256} | (trainer or {}),
        "cluster": {"runtime": "ec2", "instance": "p4d.24xlarge", "nodes": 2, "storage": {"kind": "s3"}}
        | (cluster or {}),
    }
    if serving is not None:
        spec |= {"serving": {"runtime": "ec2"} | serving, "endpoint": ENDPOINT}
    return spec | top


def load(folder: Path, *, made: Search | None = None, **parts: Any) -> ResolvedSpec:
    """That spec, resolved; with `made` for what the planner would have found."""
    path = folder / "spec.yaml"
    path.write_text(json.dumps(document(**parts)), encoding="utf-8")
    resolved = load_spec(path)
    if made is not None:
        assert resolved.pretraining is not None
        # The place where `cached_property` would keep the planner's own answer.
        resolved.pretraining.__dict__["search"] = made
    return resolved


def plan(folder: Path, **parts: Any) -> Plan:
    """The plan of that spec."""
    return build_plan(load(folder, **parts), create_registry(), now=NOW)


def findings(folder: Path, **parts: Any) -> dict[str, Finding]:
    """The plan's findings by rule."""
    return {finding.rule: finding for finding in plan(folder, **parts).findings}


def sizing(made: Plan) -> dict[str, str]:
    """Value and what it rests on, by what it is about."""
    return {line.what: f"{line.value} | {line.assumption}" for line in made.stack.sizing}


def cluster_plan(**changes: Any) -> ClusterPlan:
    """Two p4d for 2 to 4 days, 3 likely, at 44 dollars an hour; with changes."""
    instance = find_instance("p4d.24xlarge")
    assert instance is not None
    made = ClusterPlan(
        instance=instance,
        nodes=2,
        degrees=Degrees(1, 16, 1, 1, 1, "selective"),
        micro_batch=4,
        memory=Memory((("weights", 1.2), ("activations", 20.0)), 38.0),
        tokens_per_second=Span(90_000, 100_000, 110_000),
        tflops_per_gpu=Span(90, 100, 110),
        mfu=Span(0.29, 0.32, 0.35),
        days=Span(2, 3, 4),
        checkpoint_gib=14.0,
        checkpoint_seconds=3,
        checkpoint_steps=250,
        failures=Span(0.01, 0.05, 0.1),
        lost_days=Span(0.01, 0.02, 0.05),
        usd_per_hour=44.0,
        usd=Span(2112, 3168, 4224),
        energy=Energy(Span(500, 600, 700), Span(1, 1, 1), Span(1, 1, 1), Span(1.12, 1.12, 1.12), None, ()),
        assumptions=("torchtitan 0.3.0",),
    )
    return replace(made, **changes)


def found(*alternatives: ClusterPlan, **changes: Any) -> Search:
    """A search whose best is `cluster_plan(**changes)`."""
    return Search(cluster_plan(**changes), alternatives, ())
