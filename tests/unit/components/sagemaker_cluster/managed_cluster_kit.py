"""Specs of strategy D on the runtimes where AWS manages the nodes, with a plan of the test's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
from components_kit import ACCOUNT, EXPIRES, Deployed, deploy
from ruamel.yaml import YAML

from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Degrees, Search, Span
from llmstrat_iac.catalog.sizing.contract import Memory
from llmstrat_iac.components.workspace import Workspace, create_workspace
from llmstrat_iac.hookspecs import ProgramContext, ResolvedSpec
from llmstrat_iac.plan import PlannedResource
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobState, TuningJob, TuningState

STACK = "tiny-dev"
TOKEN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:hf-token-AbCdEf"
PLAN_ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-plan/two-weeks-of-p5"
FILES = {"storage": {"kind": "fsx"}}
OBJECTS = {"storage": {"kind": "s3"}}
Cluster = Callable[
    [ProgramContext, ResolvedPretraining, TuningState, Workspace, pulumi.ResourceOptions], Mapping[str, Any]
]


def resolve(
    folder: Path, runtime: str, *, days: float = 3, trainer: Mapping[str, Any] | None = None, **cluster: Any
) -> ResolvedSpec:
    """The spec with these changes of `cluster:`, loaded as the command line does; the plan takes so many days."""
    ttl = cluster.pop("ttl", "30d")
    block = {"runtime": runtime, "instance": "ml.p5.48xlarge", "nodes": 2} | cluster
    spec: dict[str, Any] = {
        "apiVersion": "llmstrat/v1",
        "name": "tiny",
        "strategy": "from-scratch",
        "owner": "ml@example.com",
        "region": "us-east-1",
        "data": {"classification": "internal"},
        "limits": {"ttl": ttl},
        "architecture": {"preset": "llama-1b"},
        "tokenizer": {"source": "s3://corpus-of-ours/tokenizer/"},
        "corpus": {"source": "s3://corpus-of-ours/text/", "tokens": "10B"},
        "trainer": {"sequence_length": 4096, "batch_sequences": 256, **(trainer or {})},
        "cluster": block,
    }
    path = folder / "spec.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(spec, file)
    resolved = load_spec(path)
    # The place where `cached_property` would keep the planner's own answer.
    best = plan_of(block["instance"], block["nodes"], days)
    pretraining_of(resolved).__dict__["search"] = Search(best, (), ())
    return resolved


def plan_of(instance: str, nodes: int, days: float) -> ClusterPlan:
    """A plan that a planner could have made."""
    found = find_instance(instance)
    assert found is not None
    gpus = nodes * found.accelerators
    return ClusterPlan(
        instance=found,
        nodes=nodes,
        degrees=Degrees(1, gpus, 1, 1, 1, "selective"),
        micro_batch=1,
        memory=Memory((("weights", 1.2), ("activations", 20.0)), 70.0),
        tokens_per_second=Span(90_000, 100_000, 110_000),
        tflops_per_gpu=Span(300, 350, 400),
        mfu=Span(0.3, 0.35, 0.4),
        days=Span(days * 0.8, days, days * 1.2),
        checkpoint_gib=14.0,
        checkpoint_seconds=3,
        checkpoint_steps=250,
        failures=Span(0.01, 0.05, 0.1),
        lost_days=Span(0.01, 0.02, 0.05),
        usd_per_hour=None,
        usd=None,
        energy=None,
        assumptions=(),
    )


def pretraining_of(resolved: ResolvedSpec) -> ResolvedPretraining:
    assert resolved.pretraining is not None
    return resolved.pretraining


def registered(
    cluster: Cluster, resolved: ResolvedSpec, state: TuningState | None = None, *, token: bool = False
) -> tuple[Deployed, Mapping[str, Any]]:
    """What a runtime's `cluster` registers, without the strategy's bucket, and what it returns."""
    found: dict[str, Any] = {}

    def program() -> None:
        made = create_workspace("artifacts", f"{STACK}-artifacts", pulumi.ResourceOptions())
        workspace = Workspace(made.bucket, made.ready, pulumi.Output.from_input(TOKEN) if token else None)
        expires = EXPIRES if resolved.spec.limits.ttl.duration else None
        context = ProgramContext(resolved, Target(), expires)
        opts = pulumi.ResourceOptions()
        found.update(cluster(context, pretraining_of(resolved), state or TuningState(), workspace, opts))

    deployed = deploy(program)
    kept = tuple(each for each in deployed.registrations if each.name != "artifacts")
    return Deployed(kept, deployed.outputs), found


def known_job(resolved: ResolvedSpec, state: JobState, *, attempt: int = 1, identity: str | None = None) -> TuningJob:
    """The job of the spec, or of another, as AWS knows it."""
    identity = identity or pretraining_of(resolved).identity
    job = TuningJob(
        identity=identity,
        name=f"{STACK}-{identity[:8]}",
        vendor_id="arn",
        state=state,
        inputs={"key": f"{identity}-{attempt}"},
    )
    return replace(job, attempt=attempt)


def counted(deployed: Deployed) -> Counter[str]:
    return Counter(each.type for each in deployed.registrations)


def planned(resources: Iterable[PlannedResource]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in resources:
        total[each.type] += each.count
    return +total
