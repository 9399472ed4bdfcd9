"""What speaks against the cluster before anybody plans on it: how the work is divided, network, capacity."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.strategies.from_scratch.division_findings import check_division

_FP8_FROM = 8.9
"""CUDA generation from which matrix products run in fp8: Ada, Hopper and later."""
_RESERVED = {
    "capacity-block": "the capacity block's id, `cr-…`",
    "reservation": "the capacity reservation's id, `cr-…`",
    "training-plan": "the training plan's ARN",
}
_ON_SALE = "`llmstrat capacity offers` lists what is on sale, `llmstrat capacity buy` buys and prints what to write"
_TO_BUY = {
    "capacity-block": _ON_SALE,
    "reservation": "`aws ec2 create-capacity-reservation` makes one, and it bills from then on",
    "training-plan": _ON_SALE,
}
_RESERVATION = re.compile(r"^cr-[0-9a-f]{8,17}$")
"""EC2's API: CapacityReservationId. Capacity blocks are reservations, too."""
_OF_EC2 = frozenset({"capacity-block", "reservation"})
_SHOWN = 2


def check_cluster(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    """Yield what the instance type, the division of the work and the way to capacity speak against."""
    divided = tuple(check_division(pretraining))
    unable = (*divided, *_fp8(pretraining), *_network(pretraining))
    yield from unable
    if not any(each.severity is Severity.ERROR for each in unable):
        yield from _fits_nowhere(pretraining)
    yield from _aimless(pretraining)
    yield from _reservation(pretraining)
    yield from _zone(pretraining)
    yield from _spot(pretraining)


def _named(pretraining: ResolvedPretraining) -> InstanceType | None:
    return find_instance(pretraining.cluster.instance)


def _fp8(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    instance = _named(pretraining)
    if pretraining.trainer.precision == "fp8" and instance is not None and instance.compute_capability < _FP8_FROM:
        yield Finding(
            rule="fp8-not-possible",
            severity=Severity.ERROR,
            path="trainer.precision",
            message=f"{instance.name} can't multiply in fp8: its {instance.accelerator} is of CUDA generation "
            f"{instance.compute_capability}",
            reason=f"fp8 needs {_FP8_FROM} or later",
            remedy="set `precision: bf16`, or take a p5 or newer",
        )


def _network(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    instance, nodes = _named(pretraining), pretraining.cluster.nodes
    if instance is None or instance.efa_interfaces or nodes == 1:
        return
    count = f"{nodes} nodes" if nodes != "auto" else "more than one node"
    yield Finding(
        rule="no-efa",
        severity=Severity.ERROR if nodes != "auto" else Severity.WARNING,
        path="cluster.instance",
        message=f"{instance.name} has no EFA, and is to be one of {count} on {instance.network_gbps:g} Gb/s of TCP",
        reason="GPUs would wait for gradients most of the time, and bill while they wait",
        remedy="set `nodes: 1`, or take a type with EFA such as g6.48xlarge, p4d.24xlarge or p5.48xlarge",
    )


def _fits_nowhere(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    search, block = pretraining.search, pretraining.cluster
    if search.best is not None:
        return
    reasons: dict[str, list[str]] = {}
    for each in search.refused:
        count = f"{each.nodes:,} x " if each.nodes is not None else ""
        reasons.setdefault(each.reason, []).append(f"{count}{each.instance.name}")
    shown = [f"{', '.join(names[:_SHOWN])}: {reason}" for reason, names in list(reasons.items())[:_SHOWN]]
    smaller = ["take more nodes"] if block.nodes != "auto" else []
    smaller += ["set `instance: auto`"] if block.instance != "auto" else []
    smaller += ["set `parallelism: auto`"] if pretraining.trainer.parallelism != "auto" else []
    smaller += ["leave `micro_batch` out"] if pretraining.trainer.micro_batch != "auto" else []
    smaller += ["allow more time or money"] if block.nodes == "auto" else []
    what = "this cluster" if block.instance != "auto" and block.nodes != "auto" else "any cluster that was looked at"
    yield Finding(
        rule="run-fits-nowhere",
        severity=Severity.ERROR,
        path="cluster",
        message=f"the run can't be done on {what}",
        reason="; ".join(shown),
        remedy=", ".join([*smaller, "or train a smaller model"]) + "; `llmstrat train-plan` shows what can",
    )


def _aimless(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    block = pretraining.cluster
    if block.nodes == "auto" and (block.deadline is None or block.deadline.duration is None) and not block.budget_usd:
        yield Finding(
            rule="nodes-without-aim",
            severity=Severity.ERROR,
            path="cluster.nodes",
            message="`auto` has neither a deadline nor a budget to aim at",
            reason="few nodes cost least and take longest; what is long enough only you know",
            remedy="set `deadline: 30d` or `budget_usd`, or a number; `llmstrat train-plan` shows days against cost",
        )


def _reservation(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    block = pretraining.cluster
    wanted = _RESERVED.get(block.capacity)
    if wanted is None:
        if block.reservation is not None:
            yield Finding(
                rule="reservation-unused",
                severity=Severity.ERROR,
                path="cluster.reservation",
                message=f"`{block.reservation}` wouldn't be used: the capacity is `{block.capacity}`",
                reason="what is reserved bills, used or not",
                remedy="set `capacity: reservation`, `capacity-block` or `training-plan`, or remove it",
            )
        return
    if block.reservation is None:
        yield Finding(
            rule="reservation-missing",
            severity=Severity.ERROR,
            path="cluster.reservation",
            message=f"`capacity: {block.capacity}` needs {wanted}",
            reason="`up` uses what is bought or reserved, and never buys by itself",
            remedy=f"{_TO_BUY[block.capacity]}; or set `capacity: on-demand`",
        )
    elif block.capacity in _OF_EC2 and not _RESERVATION.match(block.reservation):
        yield Finding(
            rule="reservation-misshapen",
            severity=Severity.ERROR,
            path="cluster.reservation",
            message=f"`{block.reservation}` is no {wanted.partition(',')[0].removeprefix('the ')}",
            reason="EC2's ids are `cr-` and 8 to 17 hexadecimal digits",
            remedy="copy it from `aws ec2 describe-capacity-reservations`",
        )
    elif block.capacity == "training-plan" and f":{pretraining.region}:" not in block.reservation:
        yield Finding(
            rule="reservation-elsewhere",
            severity=Severity.ERROR,
            path="cluster.reservation",
            message=f"`{block.reservation}` isn't in {pretraining.region}",
            reason="capacity is bought in one region",
            remedy="set `region:` to the plan's, or name a plan of this region",
        )


def _zone(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    block, region = pretraining.cluster, pretraining.region
    if block.zone is None:
        if block.capacity in _RESERVED:
            describe = "ec2 describe-capacity-reservations"
            if block.capacity not in _OF_EC2:
                describe = "sagemaker describe-training-plan"
            yield Finding(
                rule="zone-missing",
                severity=Severity.ERROR,
                path="cluster.zone",
                message=f"`capacity: {block.capacity}` needs the zone that it is in",
                reason="nodes in another zone can't use it, and would wait for capacity that never comes",
                remedy=f"set `zone:` as `aws {describe}` says, such as `{region}a`",
            )
        return
    if not re.fullmatch(rf"{re.escape(region)}[a-z]", block.zone):
        yield Finding(
            rule="zone-elsewhere",
            severity=Severity.ERROR,
            path="cluster.zone",
            message=f"`{block.zone}` is no zone of {region}",
            reason="the network is made in the stack's region",
            remedy=f"write one such as `{region}a`, or set `region:` to the zone's",
        )


def _spot(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    block = pretraining.cluster
    if block.capacity != "spot":
        return
    if not pretraining.trainer.checkpoints.enabled:
        yield Finding(
            rule="spot-without-checkpoints",
            severity=Severity.ERROR,
            path="cluster.capacity",
            message="spot instances may be reclaimed at any time, and the run keeps no checkpoints",
            reason="one reclaimed node of the cluster would cost all that was done",
            remedy="leave `trainer.checkpoints.enabled` out, or set `capacity: on-demand`",
        )
    elif block.nodes not in (1, "auto"):
        yield Finding(
            rule="spot-cluster",
            severity=Severity.WARNING,
            path="cluster.capacity",
            message=f"one reclaimed node stops all {block.nodes}",
            reason="the larger the cluster, the rarer are hours in which it keeps all of its spot instances",
            remedy="set `capacity: on-demand`, or buy some (`llmstrat capacity offers`); or be patient",
        )
