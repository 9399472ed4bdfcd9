"""The Pulumi program of strategy D: the cluster with its job, then the fleet for the model that has come of it.

It registers what the jobs' state, read before it runs, allows: the first run makes the cluster, a later one serves the
finished model. Imported by the engine only.
"""

from __future__ import annotations

from typing import Any

import pulumi

from llmstrat_iac.components.gateway_from_spec import gateway_args
from llmstrat_iac.components.open_model_gateway import with_fleet, without_fleet
from llmstrat_iac.components.stack_provider import stack_provider
from llmstrat_iac.components.tuning.names import job_key
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import Fleet, ProgramContext
from llmstrat_iac.open_model import Adapter, ResolvedServing, Weights
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.strategies.closed_api.program import export_without_gateway, register_gateway
from llmstrat_iac.strategies.from_scratch.spec import FromScratchSpec
from llmstrat_iac.strategies.open_model.program import alias_routes, call, register_workspace
from llmstrat_iac.tuning import TuningJob, TuningState

_CONVERTED = "hf/"
"""Folder of a job's output that holds the model in Hugging Face's format, which is what vLLM loads."""


class FromScratchComponent(pulumi.ComponentResource):
    """Owns everything of the model: its bucket, its cluster, its fleet."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("llmstrat:fromscratch:FromScratch", name, None, opts)
        self.register_outputs({})


def program(context: ProgramContext) -> None:
    """Register the cluster that the spec describes, and gateway and fleet if there is an endpoint."""
    spec, pretraining = context.resolved.spec, context.resolved.pretraining
    assert isinstance(spec, FromScratchSpec), "validated by the strategy's own model"
    assert pretraining is not None, "the loader resolves `corpus:`"
    state = context.tuning or TuningState()
    provider = stack_provider(context)
    opts = pulumi.ResourceOptions(providers=[provider])
    component = FromScratchComponent("from-scratch", opts)
    child = pulumi.ResourceOptions(parent=component)
    workspace = register_workspace(context, spec.tokenizer.token, child)
    assert pretraining.runtime.cluster is not None, "the loader takes only runtimes with clusters"
    cluster = call(pretraining.runtime.cluster, context, pretraining, state, workspace, child)
    outputs: dict[str, Any] = {
        "artifacts_bucket": workspace.bucket.bucket,
        "job": _job_outputs(pretraining, state),
        "cluster": {"runtime": pretraining.runtime.name, **cluster},
    }
    if spec.endpoint is None:
        export_without_gateway(context, provider, outputs | {"kept": kept_capacity(pretraining)})
        return
    _register_endpoint(context, spec, state, workspace, outputs, component, opts)


def _register_endpoint(
    context: ProgramContext,
    spec: FromScratchSpec,
    state: TuningState,
    workspace: Workspace,
    outputs: dict[str, Any],
    component: FromScratchComponent,
    opts: pulumi.ResourceOptions,
) -> None:
    """The gateway, with the fleet behind it once there is a model."""
    assert spec.endpoint is not None, "checked by the caller"
    args = gateway_args(context, spec.endpoint)
    open_model, pretraining = context.resolved.open_model, context.resolved.pretraining
    kept = kept_capacity(pretraining) if pretraining else []
    serving = open_model.serving if open_model else None
    fallback = serving.block.fallback if serving else ()
    if serving is None or state.served is None:
        args = without_fleet(args, aliases=list(spec.fleet_aliases), fallback=fallback)
        register_gateway(context, args, opts, outputs=outputs, kept=kept)
        return
    weights = finished_weights(serving, state.served)
    child = pulumi.ResourceOptions(parent=component)
    fleet: Fleet = call(serving.runtime.serve, context, serving, weights, workspace, child)
    outputs["fleet"] = {"runtime": serving.runtime.name, "paused": serving.block.paused, **fleet.outputs}
    args = with_fleet(args, context, fleet=fleet, routes=alias_routes(serving, weights), fallback=fallback)
    register_gateway(context, args, opts, outputs=outputs, kept=[*fleet.kept, *kept])


def kept_capacity(pretraining: ResolvedPretraining) -> list[str]:
    """What the receipt says of capacity that was there before the stack, and is after it."""
    cluster = pretraining.cluster
    if cluster.reservation is None:
        return []
    if cluster.capacity == "reservation":
        return [f"capacity reservation {cluster.reservation}, which bills until it is cancelled"]
    bought = cluster.capacity.replace("-", " ")
    return [f"{bought} {cluster.reservation}, which is paid, bills nothing more and can't be given back"]


def finished_weights(serving: ResolvedServing, job: TuningJob) -> Weights:
    """What the engine loads: the job's model in Hugging Face's format, and adapters on top of it."""
    assert job.model_id is not None, "a completed job has made a model"
    output = job.model_id if job.model_id.endswith("/") else f"{job.model_id}/"
    place = output if output.endswith(f"/{_CONVERTED}") else output + _CONVERTED
    adapters = tuple(Adapter(each.alias, each.source, each.revision, each.rank) for each in serving.block.adapters)
    return Weights(place, None, serving.model.alias, adapters)


def _job_outputs(pretraining: ResolvedPretraining, state: TuningState) -> dict[str, Any]:
    served = state.served
    return {
        "runtime": pretraining.runtime.name,
        "alias": pretraining.alias,
        "identity": pretraining.identity,
        "key": job_key(pretraining.identity, state.attempt),
        "settled": state.current is not None and state.current.state.over,
        "served_identity": served.identity if served else None,
        "served_model": served.model_id if served else None,
    }
