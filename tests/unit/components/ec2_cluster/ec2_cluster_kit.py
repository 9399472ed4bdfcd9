"""Specs of strategy D on EC2, resolved, and what the runtime's cluster program registers for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from components_kit import ACCOUNT, EXPIRES, Deployed, deploy
from ruamel.yaml import YAML

from llmstrat_iac.components.ec2.cluster import cluster
from llmstrat_iac.components.workspace import Workspace, create_workspace
from llmstrat_iac.hookspecs import ProgramContext, ResolvedSpec
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import TuningState

STACK = "tiny-dev"
TOKEN_SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:hf-token-??????"
CLUSTER = {"runtime": "ec2", "instance": "p5.48xlarge", "nodes": 2}
RESERVED = {"reservation": "cr-0123456789abcdef0", "zone": "us-east-1b"}

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"
PLACEMENT = "aws:ec2/placementGroup:PlacementGroup"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
FILE_SYSTEM = "aws:fsx/lustreFileSystem:LustreFileSystem"
LINK = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"
SCHEDULE = "aws:scheduler/schedule:Schedule"
LOG = "aws:cloudwatch/logGroup:LogGroup"


def resolve(folder: Path, *, trainer: Mapping[str, Any] | None = None, **changes: Any) -> ResolvedSpec:
    """The spec with these changes of `cluster:`, loaded as the command line does."""
    spec: dict[str, Any] = {
        "apiVersion": "llmstrat/v1",
        "name": "tiny",
        "strategy": "from-scratch",
        "owner": "ml@example.com",
        "region": "us-east-1",
        "data": {"classification": "internal"},
        "limits": {"ttl": "30d"},
        "architecture": {"preset": "llama-1b"},
        "tokenizer": {"source": "s3://corpus-of-ours/tokenizer/"},
        "corpus": {"source": "s3://corpus-of-ours/text/", "tokens": "10B"},
        "trainer": {"sequence_length": 4096, "batch_sequences": 256, **(trainer or {})},
        "cluster": CLUSTER | changes,
    }
    path = folder / "spec.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(spec, file)
    return load_spec(path)


def pretraining_of(resolved: ResolvedSpec) -> ResolvedPretraining:
    assert resolved.pretraining is not None
    return resolved.pretraining


def clustered(
    folder: Path, state: TuningState | None = None, *, trainer: Mapping[str, Any] | None = None, **changes: Any
) -> Deployed:
    """What `cluster` registers with this `cluster:` block."""
    resolved = resolve(folder, trainer=trainer, **changes)

    def program() -> None:
        workspace = create_workspace("artifacts", "bucket-of-ours", pulumi.ResourceOptions())
        workspace = Workspace(workspace.bucket, workspace.ready, pulumi.Output.from_input(TOKEN_SECRET))
        context = ProgramContext(resolved, Target(), EXPIRES)
        options = pulumi.ResourceOptions()
        found = cluster(context, pretraining_of(resolved), state or TuningState(), workspace, options)
        pulumi.export("cluster", dict(found))

    return deploy(program)
