"""The record that a runtime plugin yields: where open models are trained and served."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmstrat_iac.plan import StackPlan

if TYPE_CHECKING:
    from pydantic import BaseModel

    from llmstrat_iac.catalog.aws_prices import AwsPrice
    from llmstrat_iac.catalog.instances import InstanceType
    from llmstrat_iac.catalog.pretraining.contract import Span
    from llmstrat_iac.catalog.quotas import QuotaNeed
    from llmstrat_iac.open_model.contract import ResolvedServing, ResolvedTraining


def _plan_nothing(_resolved: object) -> StackPlan:
    """The loader refuses blocks of a use that a runtime has no options for, so that nothing asks for its plan."""
    return StackPlan(resources=())


def _has_all(_instance: str, _use: str) -> bool:
    return True


def _none(_replicas: int) -> int:
    return 0


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where open models are trained and served, and clusters run. What a runtime doesn't do stays unset."""

    name: str
    title: str
    training_options: type[BaseModel] | None = None
    """Model of `training.options:`; None if it doesn't train."""
    serving_options: type[BaseModel] | None = None
    """Model of `serving.options:`; None if it doesn't serve."""
    instance_name: Callable[[str], str]
    """EC2's name of an instance type to the runtime's, such as `ml.g5.xlarge`."""
    price: Callable[[str, str, str, str], AwsPrice]
    """(EC2's instance type, region, `training` or `serving`, `on-demand` or `spot`) to US dollars an hour."""
    offers: Callable[[str, str], bool] = _has_all
    """(EC2's instance type, `training` or `serving`) to whether it has it at all; `instance: auto` takes no other."""
    surge: Callable[[int], int] = _none
    """How many instances there are beyond so many replicas, for a while, when a fleet is changed."""
    quotas: Callable[[str, InstanceType, int, str], Iterable[QuotaNeed]]
    """(`training`, `serving` or `cluster`, instance type, how many, `on-demand` or `spot`) to the quotas that they
    count against."""
    plan_training: Callable[[ResolvedTraining], StackPlan] = _plan_nothing
    """Resources in outline, cost lines and findings; pure. The strategy adds the instance's cost and the dataset's."""
    plan_serving: Callable[[ResolvedServing], StackPlan] = _plan_nothing
    """The same for the fleet; the strategy adds the instances' cost."""
    train: str = ""
    """`package.module:function(ProgramContext, ResolvedTraining, TuningState, Workspace, ResourceOptions) -> None`:
    registers the job while it isn't over. The workspace (`components.workspace.Workspace`) is the stack's bucket and
    the ARN of the secret with the model's token."""
    serve: str = ""
    """`package.module:function(ProgramContext, ResolvedServing, Weights, Workspace, ResourceOptions) -> Fleet`.
    With `paused` it registers no instances but keeps the path to them."""
    health: str = ""
    """`package.module:function(outputs, AwsSession) -> FleetHealth`: of the fleet whose `Fleet.outputs` these are."""
    jobs: str = ""
    """`package.module:function(ResolvedSpec, AwsSession, Target, secrets) -> TuningJobs`: the stack's training jobs."""
    permissions: str
    """`package.module:function(ResolvedSpec) -> Iterable[IamStatement]`: what whoever deploys needs, for
    `llmstrat iam` and the preflight's simulation; resources are ARNs with `{partition}`, `{region}`, `{account}`."""
    preflight: str
    """`package.module:function(ResolvedSpec, AwsSession) -> Iterable[Finding]`; asks AWS, read-only."""
    sweep: str
    """`package.module:function(stack_name, AwsSession, *, remove) -> Iterable[Leftover]`."""
    cluster_options: type[BaseModel] | None = None
    """Model of `cluster.options:` of strategy D; None if it runs no clusters."""
    capacities: frozenset[str] = frozenset()
    """Which kinds of `cluster.capacity` it can use."""
    market: str = ""
    """`package.module:function(ResolvedSpec, AwsSession) -> CapacityMarket` (`llmstrat_iac.pretraining.capacity`): what
    `llmstrat capacity` shows and buys for a cluster; empty if it sells nothing in advance."""
    plan_cluster: Callable[[Any], StackPlan] | None = None
    """(`pretraining.ResolvedPretraining`) to resources in outline, cost lines and findings; pure. The strategy adds the
    instances' cost."""
    cluster: str | None = None
    """`package.module:function(ProgramContext, ResolvedPretraining, TuningState, Workspace, ResourceOptions)
    -> Mapping[str, Any]`: registers cluster and job while that isn't over; returns what `status` needs to find it."""
    starts_in: Callable[[Any], Span] | None = None
    """(`pretraining.ResolvedPretraining`) to hours from the nodes' first bill to the launcher's start, for the price of
    a gate without a training; `pretraining.gate_job.START_HOURS` if unset."""
    wakes: bool = True
    """Whether a fleet of no instances can start one when a call comes; on what options that depends, the runtime's own
    plan checks."""
