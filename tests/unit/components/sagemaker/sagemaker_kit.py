"""Specs of strategy C on SageMaker, resolved, and what their parts register."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from components_kit import ACCOUNT, EXPIRES, Deployed, deploy
from open_model_kit import resolve_open_model, serving_of, training_of

from llmstrat_iac.components.sagemaker.endpoint import serve
from llmstrat_iac.components.sagemaker.training import train
from llmstrat_iac.components.workspace import Workspace, create_workspace
from llmstrat_iac.hookspecs import Fleet, ProgramContext, ResolvedSpec
from llmstrat_iac.open_model import Weights
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobState, TuningJob, TuningState

STACK = "support-dev"
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
REVISION = "0e9e39f249a16976918f6564b8830bc894c89659"
TOKEN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:hf-token-AbCdEf"
OPEN = {"alias": "main", "id": "Qwen/Qwen3-8B", "revision": REVISION}
GATED = {
    "alias": "main",
    "id": MODEL,
    "revision": REVISION,
    "accept_licence": "llama3.1",
    "token": {"secret": "hf-token"},
}
TRAINING = {"method": "lora", "runtime": "sagemaker", "instance": "g6e.xlarge", "dataset": {"train": "train.jsonl"}}
SERVING = {"runtime": "sagemaker", "instance": "ml.g6e.xlarge"}


def resolve(folder: Path, *, model: Mapping[str, Any] = OPEN, **blocks: Any) -> ResolvedSpec:
    """The spec with these blocks."""
    return resolve_open_model(folder, model, **blocks)


def base_weights(resolved: ResolvedSpec, **changes: Any) -> Weights:
    """The base alone, unless changed."""
    block = serving_of(resolved).model.block
    return Weights(**({"model": block.id, "revision": block.revision, "served_name": block.alias} | changes))


def context_of(resolved: ResolvedSpec, target: Target | None = None) -> ProgramContext:
    return ProgramContext(resolved, target or Target(), EXPIRES if resolved.spec.limits.ttl.duration else None)


def run_training(resolved: ResolvedSpec, state: TuningState | None = None, *, token: bool = False) -> Deployed:
    """What the training registers."""
    training = training_of(resolved)

    def program() -> None:
        train(context_of(resolved), training, state or TuningState(), _workspace(token), pulumi.ResourceOptions())

    return _without_bucket(deploy(program))


def run_serving(
    resolved: ResolvedSpec, weights: Weights | None = None, *, token: bool = False, target: Target | None = None
) -> tuple[Deployed, Fleet]:
    """What the serving registers, and the fleet that it returns."""
    fleets = []

    def program() -> None:
        served = weights or base_weights(resolved)
        fleets.append(
            serve(
                context_of(resolved, target), serving_of(resolved), served, _workspace(token), pulumi.ResourceOptions()
            )
        )

    return _without_bucket(deploy(program)), fleets[0]


def known_job(resolved: ResolvedSpec, state: JobState, *, identity: str | None = None) -> TuningJob:
    """The job of the spec, or of another, as SageMaker knows it."""
    identity = identity or training_of(resolved).identity
    output = f"s3://artifacts/training/{identity}-1/output/job/output/model/"
    return TuningJob(
        identity=identity,
        name=f"{STACK}-main-{identity[:8]}",
        vendor_id="arn",
        state=state,
        model_id=output if state is JobState.COMPLETED else None,
        inputs={"key": f"{identity}-1", "rank": "16"},
    )


def _workspace(token: bool) -> Workspace:
    workspace = create_workspace("artifacts", f"{STACK}-artifacts", pulumi.ResourceOptions())
    return Workspace(workspace.bucket, workspace.ready, pulumi.Output.from_input(TOKEN) if token else None)


def _without_bucket(deployed: Deployed) -> Deployed:
    """The bucket is the strategy's own."""
    kept = tuple(each for each in deployed.registrations if each.name != "artifacts")
    return Deployed(kept, deployed.outputs)
