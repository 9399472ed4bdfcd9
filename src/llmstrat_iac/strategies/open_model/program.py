"""The Pulumi program of strategy C: training, the fleet that serves, and the gateway in front of it.

It registers what the jobs' state, read before it runs, allows: the first run starts the training, a later one serves
what it has made. Imported by the engine only.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pulumi

from llmstrat_iac.components.gateway_from_spec import gateway_args
from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.components.open_model_gateway import with_fleet
from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.provider_keys import existing_secret_arn, upload_secret
from llmstrat_iac.components.stack_provider import stack_provider
from llmstrat_iac.components.tuning.names import TuningNames, job_key
from llmstrat_iac.components.workspace import Workspace, create_workspace
from llmstrat_iac.hookspecs import Fleet, ProgramContext
from llmstrat_iac.open_model import (
    BASE_SUFFIX,
    MODEL_SECRET,
    Adapter,
    ResolvedServing,
    ResolvedTraining,
    Weights,
)
from llmstrat_iac.spec.providers import Credentials
from llmstrat_iac.strategies.closed_api.program import export_without_gateway, register_gateway
from llmstrat_iac.strategies.open_model.spec import OpenModelSpec
from llmstrat_iac.tuning import TuningJob, TuningState


class OpenModelComponent(pulumi.ComponentResource):
    """Owns everything of the model: its bucket, its training, its fleet."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("llmstrat:openmodel:OpenModel", name, None, opts)
        self.register_outputs({})


def program(context: ProgramContext) -> None:
    """Register the training and the serving that the spec describes, and the gateway if there is an endpoint."""
    spec, open_model = context.resolved.spec, context.resolved.open_model
    assert isinstance(spec, OpenModelSpec), "validated by the strategy's own model"
    assert open_model is not None, "the loader resolves `model:`"
    state = context.tuning or TuningState()
    provider = stack_provider(context)
    opts = pulumi.ResourceOptions(providers=[provider])
    component = OpenModelComponent("open-model", opts)
    child = pulumi.ResourceOptions(parent=component)
    workspace = register_workspace(context, open_model.model.block.token, child)
    outputs: dict[str, Any] = {"artifacts_bucket": workspace.bucket.bucket}
    if open_model.training is not None:
        call(open_model.training.runtime.train, context, open_model.training, state, workspace, child)
        outputs["job"] = _job_outputs(open_model.training, state)
    if spec.endpoint is None:
        export_without_gateway(context, provider, outputs)
        return
    args = gateway_args(context, spec.endpoint)
    if open_model.serving is None:
        register_gateway(context, args, opts, outputs=outputs)
        return
    serving, weights = open_model.serving, served_weights(open_model.serving, state)
    fleet: Fleet = call(serving.runtime.serve, context, serving, weights, workspace, child)
    outputs["fleet"] = {"runtime": serving.runtime.name, "paused": serving.block.paused, **fleet.outputs}
    routes = alias_routes(serving, weights)
    args = with_fleet(args, context, fleet=fleet, routes=routes, fallback=serving.block.fallback)
    register_gateway(context, args, opts, outputs=outputs, kept=fleet.kept)


def call(reference: str, *arguments: Any) -> Any:
    """Call the function that a runtime names as `package.module:function`."""
    module, _, function = reference.partition(":")
    return getattr(import_module(module), function)(*arguments)


def register_workspace(context: ProgramContext, token: Credentials | None, opts: pulumi.ResourceOptions) -> Workspace:
    """The stack's bucket, and the secret of the hub's token if the spec names one."""
    prefix, region = context.resolved.stack_name, context.resolved.spec.region
    account = Account.current(region, pulumi.InvokeOutputOptions(parent=opts.parent))
    name = account.id.apply(lambda known: TuningNames(prefix).bucket(known, region, infix="artifacts"))
    workspace = create_workspace("artifacts", name, opts)
    return Workspace(workspace.bucket, workspace.ready, _hub_token(context, token, account, opts))


def _hub_token(
    context: ProgramContext, credentials: Credentials | None, account: Account, opts: pulumi.ResourceOptions
) -> pulumi.Output[str] | None:
    """ARN of the secret with the token, uploaded from the environment or there already; None if there is no token."""
    if credentials is None:
        return None
    if credentials.variable is None:
        return pulumi.Output.from_input(existing_secret_arn(account, credentials.secret))
    return upload_secret(
        "model-token",
        GatewayNames(context.resolved.stack_name).secret("model-token"),
        context.secrets[MODEL_SECRET],
        description="Hugging Face token, read by training jobs and inference servers",
        opts=opts,
    ).arn


def served_weights(serving: ResolvedServing, state: TuningState) -> Weights:
    """What the engine loads: the base, what training has made of it, and further adapters."""
    block, training, job = serving.model.block, serving.training, state.served
    more = tuple(Adapter(each.alias, each.source, each.revision, each.rank) for each in serving.block.adapters)
    if job is None or training is None:
        return Weights(block.id, block.revision, block.alias, more)
    output = _output_of(job)
    rank = job.inputs.get("rank")
    if rank is None:
        return Weights(output, None, block.alias, more)
    tuned = Adapter(block.alias, output, None, int(rank))
    return Weights(block.id, block.revision, block.alias + BASE_SUFFIX, (tuned, *more))


def alias_routes(serving: ResolvedServing, weights: Weights) -> Mapping[str, str]:
    """Alias to the name under which the engine answers: before there is a tuned model, the base does for both."""
    alias = serving.model.alias
    routes = {adapter.served_name: adapter.served_name for adapter in weights.adapters}
    routes.setdefault(alias, weights.served_name)
    if serving.training is not None and serving.training.makes_adapter:
        routes[alias + BASE_SUFFIX] = weights.served_name
    return routes


def _output_of(job: TuningJob) -> str:
    assert job.model_id is not None, "a completed job has made a model"
    return job.model_id


def _job_outputs(training: ResolvedTraining, state: TuningState) -> dict[str, Any]:
    served = state.served
    return {
        "runtime": training.runtime.name,
        "alias": training.alias,
        "base_model": training.model.block.id,
        "identity": training.identity,
        "key": job_key(training.identity, state.attempt),
        "settled": state.current is not None and state.current.state.over,
        "served_identity": served.identity if served else None,
        "served_model": served.model_id if served else None,
    }
