"""Specs of strategy C on EC2, resolved, and what the runtime's two programs register for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from components_kit import ACCOUNT, EXPIRES, Deployed, Registration, deploy
from open_model_kit import resolve_open_model, serving_of, training_of

from llmstrat_iac.components.ec2.serving import serve
from llmstrat_iac.components.ec2.training import train
from llmstrat_iac.components.workspace import Workspace, create_workspace
from llmstrat_iac.hookspecs import ProgramContext, ResolvedSpec
from llmstrat_iac.open_model import Adapter, Weights
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import TuningState

STACK = "support-dev"
REVISION = "0e9e39f249a16976918f6564b8830bc894c89659"
TOKEN_SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:hf-token-??????"
HUB_MODEL = {
    "alias": "main",
    "id": "meta-llama/Llama-3.1-8B-Instruct",
    "revision": REVISION,
    "accept_licence": "llama3.1",
    "token": {"secret": "hf-token"},
}
S3_MODEL = {"alias": "main", "id": "s3://weights-of-ours/llama/", "base": HUB_MODEL["id"], "accept_licence": "llama3.1"}
TRAINING = {"method": "lora", "runtime": "ec2", "instance": "g6e.xlarge", "dataset": {"train": "train.jsonl"}}
SERVING = {"runtime": "ec2", "instance": "g6e.xlarge"}

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"
INSTANCE = "aws:ec2/instance:Instance"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
LOG = "aws:cloudwatch/logGroup:LogGroup"
SCHEDULE = "aws:scheduler/schedule:Schedule"


def resolve(folder: Path, *, model: Mapping[str, Any] = HUB_MODEL, **blocks: Any) -> ResolvedSpec:
    """The spec with these blocks."""
    return resolve_open_model(folder, model, **blocks)


def served(
    folder: Path,
    adapters: tuple[Adapter, ...] = (),
    *,
    model: Any = HUB_MODEL,
    spec: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Deployed:
    """What `serve` registers with this `serving:` block."""
    resolved = resolve(folder, model=model, serving=SERVING | changes, **(spec or {}))
    serving = serving_of(resolved)
    weights = Weights(serving.model.block.id, serving.model.block.revision, "main", adapters)

    def program() -> None:
        fleet = serve(_context(resolved), serving, weights, _workspace(), pulumi.ResourceOptions())
        pulumi.export("auth", fleet.upstream.auth)
        pulumi.export("wire", fleet.upstream.wire)
        pulumi.export("base_url", fleet.upstream.base_url)
        pulumi.export("permitted", [resource for each in fleet.permissions for resource in each.resources])
        pulumi.export("fleet", dict(fleet.outputs))

    return deploy(program)


def trained(
    folder: Path, state: TuningState | None = None, *, spec: Mapping[str, Any] | None = None, **changes: Any
) -> Deployed:
    """What `train` registers with this `training:` block."""
    resolved = resolve(folder, training=TRAINING | changes, **(spec or {}))
    return deploy(
        lambda: train(
            _context(resolved),
            training_of(resolved),
            state or TuningState(),
            _workspace(),
            pulumi.ResourceOptions(),
        )
    )


def user_data(registration: Registration) -> str:
    """The script, of a launch template or of an instance."""
    text: str = registration.inputs["userData"]
    return base64.b64decode(text).decode() if registration.type == TEMPLATE else text


def allowed(deployed: Deployed, name: str) -> dict[str, list[str]]:
    """Action to resources, of the role policy of this name."""
    policy = json.loads(deployed.one("aws:iam/rolePolicy:RolePolicy", name).inputs["policy"])
    return {action: each["Resource"] for each in policy["Statement"] for action in each["Action"]}


def _context(resolved: ResolvedSpec) -> ProgramContext:
    return ProgramContext(resolved, Target(), EXPIRES)


def _workspace() -> Workspace:
    workspace = create_workspace("artifacts", "bucket-of-ours", pulumi.ResourceOptions())
    return Workspace(workspace.bucket, workspace.ready, pulumi.Output.from_input(TOKEN_SECRET))
