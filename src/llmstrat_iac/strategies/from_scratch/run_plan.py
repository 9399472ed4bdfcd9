"""The run in money: the nodes for as long as it is likely to take, what the runtime needs beside them, and storage.

Of a spec that only tests its cluster, the gate takes the training's place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from llmstrat_iac.catalog.aws_prices import AwsPrice, aws_price
from llmstrat_iac.catalog.gpu_prices import ec2_price
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Span
from llmstrat_iac.plan import HOURS_A_MONTH, Basis, CostLine, Total, total
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.gate_job import gate_days
from llmstrat_iac.pretraining.planning import price_of

_GIB_IN_GB = 1.073741824
PAID_BEFORE = frozenset({"capacity-block", "training-plan"})
"""Capacity whose whole price was paid when it was bought."""


@dataclass(frozen=True)
class RunPlan:
    """A run that can be done, with the cost lines of the runtime that does it."""

    pretraining: ResolvedPretraining
    runtime_costs: tuple[CostLine, ...] = ()

    @property
    def plan(self) -> ClusterPlan:
        """The cluster."""
        return self.pretraining.plan

    @property
    def nodes(self) -> int:
        """All that are billed, spare ones included."""
        return self.plan.nodes + self.pretraining.cluster.spare_nodes

    @property
    def name(self) -> str:
        """Of the instance type, as the runtime calls it."""
        return self.pretraining.runtime.instance_name(self.plan.instance.name)

    @property
    def node_usd(self) -> float | None:
        """US dollars an hour for a node; None if the price isn't known."""
        return None if self.plan.usd_per_hour is None else self.plan.usd_per_hour / self.plan.nodes

    @property
    def spot(self) -> bool:
        """Whether the price may be anything below that on demand."""
        return self.pretraining.cluster.capacity == "spot"

    @property
    def bound_usd(self) -> float | None:
        """EC2's price on demand of a node whose own isn't known: SageMaker asks more for it, and spot at most that.

        None if it says nothing of the node: of what was paid in advance, and of a runtime that isn't AWS's.
        """
        if self.node_usd is not None or self.pretraining.cluster.capacity in PAID_BEFORE:
            return None
        if self.name.startswith("ml.") or self.spot:
            return ec2_price(self.plan.instance.name, self.pretraining.region).usd
        return None

    @property
    def bound_hour_usd(self) -> float | None:
        """`hour` at `bound_usd`."""
        return None if self.bound_usd is None else self.hour.usd + self.bound_usd * self.nodes

    def bound_of(self, days: Span) -> Span | None:
        """US dollars for so many days at `bound_usd`."""
        hour = self.bound_hour_usd
        return None if hour is None else Span(*(hour * 24 * each for each in (days.low, days.likely, days.high)))

    @property
    def price(self) -> AwsPrice:
        """Where the nodes' price comes from."""
        return price_of(self.pretraining)(self.plan.instance)

    @property
    def hour(self) -> Total:
        """US dollars an hour for everything that bills while it runs, as far as prices are known."""
        nodes = Total(0.0, (self.name,)) if self.node_usd is None else Total(self.node_usd * self.nodes)
        hourly = total((line for line in self.runtime_costs if line.basis is Basis.HOUR), hours=1)
        monthly = total(line for line in self.runtime_costs if line.basis is Basis.MONTH)
        return nodes + hourly + Total(monthly.usd / HOURS_A_MONTH, monthly.unknown)

    @property
    def days(self) -> Span:
        """How long the nodes bill: for the training, or for the gate alone."""
        return gate_days(self.pretraining) if self.pretraining.gate_only else self.plan.days

    @property
    def usd(self) -> Span | None:
        """US dollars for the whole training, as far as prices are known; None if the nodes' isn't."""
        return self.usd_of(self.plan.days)

    def usd_of(self, days: Span) -> Span | None:
        """US dollars for so many days."""
        if self.node_usd is None:
            return None
        day = self.hour.usd * 24
        return Span(day * days.low, day * days.likely, day * days.high)

    def costs(self) -> Iterator[CostLine]:
        """Nodes and what they need, once; checkpoints and the model by the month."""
        yield self._nodes()
        for line in self.runtime_costs:
            if line.basis is Basis.HOUR:
                # What a job needs goes when it is over.
                yield replace(line, basis=Basis.ONCE, quantity=line.quantity * self._hours)
            else:
                yield line
        if not self.pretraining.gate_only:
            yield self._storage()

    @property
    def _hours(self) -> float:
        return self.days.likely * 24

    def _nodes(self) -> CostLine:
        capacity = self.pretraining.cluster.capacity
        kind = "" if capacity == "on-demand" else f" ({capacity})"
        what = "acceptance gate" if self.pretraining.gate_only else "training"
        return CostLine(
            item=f"{self.nodes} x {self.name}: {what}{kind}",
            basis=Basis.ONCE,
            quantity=self.nodes * self._hours,
            unit="instance-hour",
            unit_usd=self.node_usd,
            source=self.price.source,
            as_of=self.price.as_of,
        )

    def _storage(self) -> CostLine:
        """What is kept in the bucket: the newest checkpoints, and the model in 16 bits."""
        checkpoints = self.pretraining.trainer.checkpoints
        kept = checkpoints.keep if checkpoints.enabled else 0
        size = kept * self.plan.checkpoint_gib * _GIB_IN_GB + self.pretraining.architecture.parameters * 2 / 1e9
        price = aws_price("s3-storage", self.pretraining.region)
        item = "S3: checkpoints and the model"
        return CostLine(item, Basis.MONTH, size, price.unit, price.usd, price.source, price.as_of)
