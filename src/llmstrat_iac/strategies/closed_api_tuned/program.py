"""The Pulumi program of strategy B: the vendor's tuning, and the gateway with the tuned model in it.

It registers what the jobs' state, read before it runs, allows: the first run starts the job, a later one deploys the
model. Imported by the engine only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pulumi

from llmstrat_iac.components.gateway_from_spec import gateway_args
from llmstrat_iac.components.stack_provider import stack_provider
from llmstrat_iac.components.tuning.gateway import with_tuned_model
from llmstrat_iac.hookspecs import ProgramContext, ServedModel
from llmstrat_iac.strategies.closed_api.program import register_gateway
from llmstrat_iac.strategies.closed_api_tuned.spec import BASE_SUFFIX, ClosedApiTunedSpec
from llmstrat_iac.tuning import ResolvedTuning, TuningState


class TuningComponent(pulumi.ComponentResource):
    """Owns everything of the tuning."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("llmstrat:tuning:Tuning", name, None, opts)
        self.register_outputs({})


def program(context: ProgramContext) -> None:
    """Register the tuning and the gateway."""
    spec, tuning = context.resolved.spec, context.resolved.tuning
    assert isinstance(spec, ClosedApiTunedSpec), "validated by the strategy's own model"
    assert tuning is not None, "the loader resolves `tuning:`"
    state = context.tuning or TuningState()
    opts = pulumi.ResourceOptions(providers=[stack_provider(context)])
    component = TuningComponent("tuning", opts)
    module, _, function = tuning.tuning.program.partition(":")
    register_tuning = getattr(import_module(module), function)
    tuned: ServedModel | None = register_tuning(context, tuning, state, pulumi.ResourceOptions(parent=component))
    args = with_tuned_model(
        gateway_args(context, spec.endpoint), context, tuned=tuned, base_alias=tuning.block.alias + BASE_SUFFIX
    )
    register_gateway(context, args, opts, outputs={"job": _outputs(tuning, state, tuned)}, kept=_kept(tuning, state))


def _outputs(tuning: ResolvedTuning, state: TuningState, tuned: ServedModel | None) -> dict[str, Any]:
    return {
        "provider": tuning.vendor,
        "alias": tuning.block.alias,
        "base_model": tuning.block.base_model,
        "identity": tuning.identity,
        "settled": state.current is not None and state.current.state.over,
        "served_identity": state.served.identity if state.served else None,
        "served_model": tuned.model if tuned else None,
    }


def _kept(tuning: ResolvedTuning, state: TuningState) -> list[str]:
    """What a destroy leaves, on purpose or because the vendor can't delete it."""
    kept = []
    if tuning.tuning.keeps_history:
        known = [job.name for job in (state.current, state.serving) if job is not None]
        names = known if state.current else [*known, tuning.job_name(attempt=state.attempt)]
        kept += [f"record of the job {name} at {tuning.tuning.title}, which can't be deleted" for name in names]
    if tuning.block.retain_on_destroy:
        kept += [
            f"tuned model {job.model_id} at {tuning.tuning.title} (tuning.retain_on_destroy), still billed"
            for job in (state.current, state.serving)
            if job is not None and job.model_id is not None
        ]
    return kept
