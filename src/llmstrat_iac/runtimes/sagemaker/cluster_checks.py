"""What SageMaker refuses of a multi-node job, or what ends otherwise than it looks. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from llmstrat_iac.components.sagemaker.cluster_options import ClusterOptions
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.runtimes.sagemaker.checks import MAX_RUNTIME_SECONDS, NOT_TRAINING, QUOTA_RUNTIME_SECONDS

_TRAINING_PLAN = re.compile(r"^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:training-plan/.+$")
"""SageMaker's API: ResourceConfig.TrainingPlanArn."""
_LIMIT = "cluster.options.max_runtime"
_DAY = 86_400
_ADDRESSES = 32_763
"""Of the cluster's subnet, a /17, without the five that AWS keeps."""


def check_cluster(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    """Instance type, duration, training plan, addresses and spare nodes."""
    best = pretraining.search.best
    if best is not None and best.instance.name in NOT_TRAINING:
        yield Finding(
            "sagemaker.instance",
            Severity.ERROR,
            "cluster.instance",
            f"SageMaker has no `ml.{best.instance.name}` for training",
            reason="not every EC2 type is offered by SageMaker",
            remedy="name another in `cluster.instance`, or use `runtime: ec2`",
        )
    yield from _check_limit(pretraining)
    yield from check_training_plan(pretraining)
    yield from _check_addresses(pretraining)
    if pretraining.cluster.spare_nodes:
        yield Finding(
            "sagemaker.spares",
            Severity.WARNING,
            "cluster.spare_nodes",
            "SageMaker keeps no spare nodes: it replaces a broken one and starts the job again",
            reason="a job has the nodes that train, from start to end",
            remedy="leave `spare_nodes` out, or use `runtime: hyperpod`",
        )


def check_training_plan(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    """Whether `reservation` is what SageMaker takes for `capacity: training-plan`."""
    cluster = pretraining.cluster
    if cluster.capacity != "training-plan" or cluster.reservation is None:  # the strategy asks for it
        return
    if not _TRAINING_PLAN.match(cluster.reservation):
        yield Finding(
            "sagemaker.training-plan",
            Severity.ERROR,
            "cluster.reservation",
            f"`{cluster.reservation}` is no training plan",
            reason="SageMaker takes reserved capacity by the ARN of a plan",
            remedy="give its ARN, `arn:…:training-plan/NAME`, as `llmstrat capacity buy` has printed it, or "
            "`aws sagemaker list-training-plans`",
        )


def _check_addresses(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    """EC2 needs one address a node, as HyperPod does; how many a job takes SageMaker decides, at most one a device."""
    best = pretraining.search.best
    if best is None or best.nodes * max(best.instance.efa_interfaces, 1) <= _ADDRESSES:
        return
    yield Finding(
        "sagemaker.addresses",
        Severity.WARNING,
        "cluster.nodes",
        f"{best.nodes} nodes with {best.instance.efa_interfaces} EFA devices each may take more addresses than the "
        f"{_ADDRESSES:,} of the cluster's subnet",
        reason="SageMaker may give each device an address of the stack's network",
        remedy="ask AWS before you rely on it, or use `runtime: hyperpod` or `ec2`, which take one address a node",
    )


def _check_limit(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    options: ClusterOptions = pretraining.options
    limit = options.max_runtime.duration
    if limit is None or limit.total_seconds() > MAX_RUNTIME_SECONDS:
        yield Finding(
            "sagemaker.duration",
            Severity.ERROR,
            _LIMIT,
            f"`{options.max_runtime}` is longer than SageMaker lets a job run: 28 days",
            reason="a job without an end bills on",
            remedy=f"set `{_LIMIT}` to `28d` or less; a longer run goes on as the next attempt",
        )
        return
    if limit.total_seconds() > QUOTA_RUNTIME_SECONDS:
        yield Finding(
            "sagemaker.duration",
            Severity.WARNING,
            _LIMIT,
            f"`{options.max_runtime}` is longer than the usual quota of five days",
            reason="SageMaker refuses the job unless the account's quota L-33A961FD has been raised",
            remedy="raise the quota, or set `5d` or less",
        )
    yield from _check_attempts(pretraining, limit.total_seconds() / _DAY)


def _check_attempts(pretraining: ResolvedPretraining, limit_days: float) -> Iterator[Finding]:
    """A run that is longer than one job may be: several jobs, each from the newest checkpoint of the one before."""
    best = pretraining.search.best
    if best is None or best.days.likely <= limit_days:
        return
    jobs, days = math.ceil(best.days.likely / limit_days), f"{best.days.likely:.1f} days"
    if not pretraining.trainer.checkpoints.enabled:
        yield Finding(
            "sagemaker.attempts",
            Severity.ERROR,
            "trainer.checkpoints.enabled",
            f"the run takes about {days}, one job may take {limit_days:g}, and nothing is kept to go on from",
            reason="SageMaker ends a job when its time is over",
            remedy=f"keep checkpoints, or raise `{_LIMIT}` and the account's quota L-33A961FD",
        )
        return
    yield Finding(
        "sagemaker.attempts",
        Severity.WARNING,
        _LIMIT,
        f"the run takes about {days} and one job at most {limit_days:g}: about {jobs} jobs, one after the other",
        reason="SageMaker ends a job when its time is over; the next attempt goes on from the newest checkpoint",
        remedy="`llmstrat up --retry` starts the next one; or raise the account's quota L-33A961FD and the limit",
    )
