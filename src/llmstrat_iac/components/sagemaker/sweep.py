"""What may be left of a stack in SageMaker, what bills first: found by name and tag, whatever Pulumi's state says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages
from llmstrat_iac.components.sagemaker.job_leftovers import job_finder
from llmstrat_iac.components.sagemaker.names import SageMakerNames
from llmstrat_iac.hookspecs import AwsSession, Leftover


@dataclass(frozen=True)
class _Kind:
    """One kind of thing that SageMaker lists by name: the words of its API for it."""

    type: str
    word: str
    """As in `ListEndpoints`, in snake case and singular."""
    name: str
    """As in `EndpointName`, without `Name`."""
    billed: bool
    listed: str
    """The listing's key."""


_KINDS = (
    # A component's instances go with it, and its endpoint can't go before it.
    _Kind("sagemaker inference component", "inference_component", "InferenceComponent", True, "InferenceComponents"),
    _Kind("sagemaker endpoint", "endpoint", "Endpoint", True, "Endpoints"),
    _Kind("sagemaker endpoint configuration", "endpoint_config", "EndpointConfig", False, "EndpointConfigs"),
    _Kind("sagemaker model", "model", "Model", False, "Models"),
)


def sweep(stack_name: str, session: AwsSession, *, remove: bool) -> Iterable[Leftover]:
    """Find what is left, jobs and endpoints first."""
    finders = [
        job_finder(stack_name, session),
        *(Finder(kind.type, partial(_listed, kind, stack_name, session)) for kind in _KINDS),
        Finder("scalable target", partial(_targets, stack_name, session)),
        Finder("log group", partial(_logs, stack_name, session)),
    ]
    return leftovers.sweep(finders, remove=remove)


def _listed(kind: _Kind, stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("sagemaker")
    delete: Callable[..., object] = getattr(client, f"delete_{kind.word}")
    for one in pages(client, f"list_{kind.word}s", kind.listed, NameContains=stack_name):
        name = one[f"{kind.name}Name"]
        if one.get(f"{kind.name}Status") != "Deleting" and _belongs(client, one[f"{kind.name}Arn"], stack_name):
            remove = partial(delete, **{f"{kind.name}Name": name})
            yield Found(kind.type, name, one.get(f"{kind.name}Status", ""), billed=kind.billed, remove=remove)


def _targets(stack_name: str, session: AwsSession) -> Iterator[Found]:
    """They outlive an endpoint that something else than Pulumi has deleted, and would bind the next of its name."""
    client = session.client("application-autoscaling")
    names = SageMakerNames(stack_name)
    resources = [names.variant_target, names.component_target]
    for one in pages(
        client, "describe_scalable_targets", "ScalableTargets", ServiceNamespace="sagemaker", ResourceIds=resources
    ):
        remove = partial(
            client.deregister_scalable_target,
            ServiceNamespace="sagemaker",
            ResourceId=one["ResourceId"],
            ScalableDimension=one["ScalableDimension"],
        )
        yield Found("scalable target", one["ResourceId"], one["ScalableDimension"], billed=False, remove=remove)


def _logs(stack_name: str, session: AwsSession) -> Iterator[Found]:
    """SageMaker creates a group without tags if one is missing when it writes; only exact names are ours."""
    client = session.client("logs")
    names = SageMakerNames(stack_name)
    for name in (names.endpoint_log, names.component_log):
        for one in pages(client, "describe_log_groups", "logGroups", logGroupNamePrefix=name):
            if one["logGroupName"] == name:
                remove = partial(client.delete_log_group, logGroupName=name)
                yield Found("log group", name, "", billed=True, remove=remove)


def _belongs(client: Any, arn: str, stack_name: str) -> bool:
    return belongs(list(pages(client, "list_tags", "Tags", ResourceArn=arn)), stack_name)
