"""What a spec makes of a cluster on EC2, before anything is registered. Light: the plan reads it, too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from llmstrat_iac.catalog.efa import NetworkInterface, efa_layout, network_interfaces
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.gate_job import LIMIT

MOUNT = "/fsx"
"""Where nodes see the file system; `scripts/lustre.sh` mounts it there."""
_MARGIN = 1.25
_START_HOURS = 6
"""For capacity that comes late, images, and the acceptance gate."""
_MOST = timedelta(days=365)
"""A limit that systemd and `shutdown` can count to."""
_NOW = frozenset({"on-demand", "spot"})
"""Capacities that begin when they are asked for."""


@dataclass(frozen=True)
class ClusterShape:
    """How the cluster is launched."""

    nodes: int
    """That train."""
    instances: int
    """The spare ones, too."""
    interfaces: tuple[NetworkInterface, ...]
    """Of each."""
    placement_group: bool
    """Keeps on-demand nodes close to each other; what is reserved has its place already."""
    reserved: bool
    """Whether the launch names a reservation."""
    lasts: timedelta
    """After which everything stops."""

    @property
    def efa(self) -> bool:
        """Whether the nodes have EFA devices."""
        return len(self.interfaces) > 1


def cluster_shape(pretraining: ResolvedPretraining) -> ClusterShape:
    """Of the plan's best cluster. LlmstratError if there is none."""
    plan, cluster = pretraining.plan, pretraining.cluster
    instances = plan.nodes + cluster.spare_nodes
    layout = efa_layout(plan.instance)
    return ClusterShape(
        nodes=plan.nodes,
        instances=instances,
        interfaces=network_interfaces(layout, efa=plan.nodes > 1),
        placement_group=cluster.capacity == "on-demand" and instances > 1,
        reserved=cluster.capacity in ("capacity-block", "reservation"),
        lasts=_lasts(pretraining),
    )


def _lasts(pretraining: ResolvedPretraining) -> timedelta:
    """As the spec says, or a quarter longer than the plan's longest."""
    wanted = pretraining.options.max_duration
    # What is reserved may begin in weeks, and is paid for anyway.
    most = LIMIT if pretraining.gate_only and pretraining.cluster.capacity in _NOW else _MOST
    if wanted is not None:
        return most if wanted.duration is None else min(wanted.duration, most)
    hours = math.ceil(pretraining.plan.days.high * 24 * _MARGIN) + _START_HOURS
    return min(timedelta(hours=hours), most)
