"""From a spec's `serving:` to the fleet and the way to it: what the ec2 runtime's `serve` is."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from llmstrat_iac.components.ec2.egress import serving_egress, serving_image
from llmstrat_iac.components.ec2.fleet import PORT, AdapterFiles, FleetArgs, ServingFleet
from llmstrat_iac.components.ec2.scaling import ScalingArgs, ScheduleArgs
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import Fleet, IamStatement, ProgramContext, Upstream
from llmstrat_iac.open_model import ResolvedServing, Weights
from llmstrat_iac.open_model.vllm import server_arguments


def serve(
    context: ProgramContext,
    serving: ResolvedServing,
    weights: Weights,
    workspace: Workspace,
    opts: pulumi.ResourceOptions,
) -> Fleet:
    """Register the fleet; with `paused` all but its instances."""
    fleet = ServingFleet("fleet", fleet_args(context, serving, weights, workspace), opts)
    return Fleet(
        upstream=Upstream(wire="openai", base_url=fleet.base_url, auth="sigv4"),
        permissions=(
            IamStatement(
                actions=("execute-api:Invoke",),
                resources=(fleet.invoke_arn,),  # type: ignore[arg-type]
                reason="call the fleet by its private path",
            ),
        ),
        outputs={
            "group": fleet.group_name,
            "log_group": fleet.log_group,
            "target_group_arn": fleet.target_group_arn,
            "base_url": fleet.base_url,
            "instance": serving.placement.instance.name,
        },
    )


def fleet_args(context: ProgramContext, serving: ResolvedServing, weights: Weights, workspace: Workspace) -> FleetArgs:
    """What the spec says, as arguments of the component."""
    block, options = serving.block, serving.options
    hours = None if block.hours is None else ScheduleArgs(block.hours.start, block.hours.stop, block.hours.timezone)
    # Downloaded first: vLLM reads adapters neither from S3 nor at a revision.
    adapters = [AdapterFiles(each.served_name, each.source, each.revision) for each in weights.adapters]
    paths = {files.folder: f"/cache/adapters/{files.folder}" for files in adapters}
    return FleetArgs(
        prefix=serving.stack_name,
        region=serving.region,
        instance_type=serving.placement.instance.name,
        image=serving_image(serving),
        arguments=server_arguments(serving, weights, adapter_paths=paths, port=PORT),
        adapters=adapters,
        weights=_in_s3(weights),
        scaling=ScalingArgs(
            minimum=block.replicas.min,
            maximum=block.replicas.max,
            waiting_requests=block.scaling.waiting_requests,
            kv_cache_percent=block.scaling.kv_cache_percent,
            hours=hours,
            paused=block.paused,
        ),
        tags=stack_tags(context),
        egress=serving_egress(serving),
        token_secret=None if serving_egress(serving) == "none" else workspace.model_token,
        ami=options.ami,
        root_gb=options.root_gb,
        startup_seconds=options.startup_seconds,
        log_retention_days=options.log_retention_days,
        expires=context.expires,
    )


def _in_s3(weights: Weights) -> Sequence[str]:
    sources = (weights.model, *(adapter.source for adapter in weights.adapters))
    return sorted({source for source in sources if source.startswith("s3://")})
