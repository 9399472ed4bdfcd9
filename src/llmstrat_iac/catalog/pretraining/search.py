"""Looks for the clusters that can do a run: instance type, nodes and division of the work, each with what to expect.

Nodes are tried on a coarse scale, then between the last that is too slow and the first that isn't; of each number only
the fastest division is kept. Thousands of nodes cost no more time than two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

from llmstrat_iac.catalog.gpu_prices import ec2_price
from llmstrat_iac.catalog.instances import InstanceType, instances
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Price, Refusal, Run, Search, Wish
from llmstrat_iac.catalog.pretraining.estimate import estimate
from llmstrat_iac.catalog.pretraining.layouts import model_degrees
from llmstrat_iac.catalog.pretraining.placement import place, unable, why_not
from llmstrat_iac.catalog.pretraining.workload import Workload, workload

DEFAULT_DEADLINE_DAYS = 30.0
"""What `nodes: auto` aims at when neither a deadline nor a budget is given."""
MOST_NODES = 4096
CLUSTER_NETWORK_GBPS = 400
"""What an instance needs between nodes to be looked at unasked; less is for one node."""
COARSE = 12
"""Numbers of nodes tried of each instance type at first."""
SHOWN = 8
"""Numbers of nodes shown of each instance type."""
_KNOWN_REGION = "us-east-1"
Value = TypeVar("Value")


def search(run: Run, wish: Wish, *, price: Price, candidates: Iterable[InstanceType] | None = None) -> Search:
    """The cheapest cluster that keeps the deadline, or the fastest within the budget, and others worth a look.

    With both, the cheapest that keeps both. With neither, and the number of nodes open, the cheapest within
    `DEFAULT_DEADLINE_DAYS`. Deadline and budget are held against what is likely, not against the range's end.
    """
    look = _Look(run, workload(run), aimed(wish), price)
    for instance in _candidates(wish, candidates):
        look.at(instance)
    plans = sorted(look.plans, key=_cost)
    kept = [plan for plan in plans if keeps(plan, look.wish)]
    return Search(_best(kept, look.wish), tuple(plans), tuple(look.refused))


@dataclass
class _Look:
    run: Run
    work: Workload
    wish: Wish
    price: Price
    plans: list[ClusterPlan] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def at(self, instance: InstanceType) -> None:
        reason = unable(self.run, instance, self.wish.nodes)
        if reason:
            self.refused.append(Refusal(instance, self.wish.nodes, reason))
        elif self.wish.nodes is not None:
            self._named(instance, self.wish.nodes)
        else:
            self._open(instance)

    def _named(self, instance: InstanceType, nodes: int) -> None:
        plan = self._plan(instance, nodes)
        if plan is None:
            self.refused.append(Refusal(instance, nodes, why_not(self.work, instance, nodes)))
            return
        self.plans.append(plan)
        if not keeps(plan, self.wish):
            self.refused.append(Refusal(instance, nodes, _misses(plan, self.wish)))

    def _open(self, instance: InstanceType) -> None:
        most = MOST_NODES if self.wish.instance is not None or _clusters(instance) else 1
        numbers = node_numbers(self.run, instance, most=most if instance.efa_interfaces else 1)
        coarse = _thinned(numbers, COARSE)
        found = {nodes: plan for nodes in coarse if (plan := self._plan(instance, nodes)) is not None}
        if not found:
            most = numbers[-1] if numbers else 1
            self.refused.append(Refusal(instance, most, why_not(self.work, instance, most)))
            return
        self._refine(instance, numbers, found)
        plans = [found[nodes] for nodes in sorted(found)]
        if not any(keeps(plan, self.wish) for plan in plans):
            nearest = min(plans, key=lambda plan: _distance(plan, self.wish))
            self.refused.append(Refusal(instance, nearest.nodes, _misses(nearest, self.wish)))
        self.plans += _shown(plans, self.wish)

    def _refine(self, instance: InstanceType, numbers: list[int], found: dict[int, ClusterPlan]) -> None:
        """Halve the gap between the last number that is too slow (or cheap enough) and the first that isn't."""
        while True:
            tried = sorted(found)
            edge = next(
                (
                    (low, high)
                    for low, high in pairwise(tried)
                    if keeps(found[low], self.wish) != keeps(found[high], self.wish)
                ),
                None,
            )
            between = [] if edge is None else [n for n in numbers if edge[0] < n < edge[1]]
            if not between:
                return
            nodes = between[len(between) // 2]
            plan = self._plan(instance, nodes)
            if plan is None:
                return
            found[nodes] = plan

    def _plan(self, instance: InstanceType, nodes: int) -> ClusterPlan | None:
        placed = place(self.work, instance, nodes)
        if placed is None:
            return None
        return estimate(self.work, instance, nodes, placed, self.wish, self.price(instance))


def node_numbers(run: Run, instance: InstanceType, *, most: int = MOST_NODES) -> list[int]:
    """Numbers of nodes over which the batch can be divided."""
    batch, gpus = run.batch_sequences, instance.accelerators
    if run.degrees is not None:
        fixed = run.degrees.tensor * run.degrees.pipeline * run.degrees.context
        models = {fixed}
        if run.degrees.data_shard:
            return [nodes for nodes in (run.degrees.gpus // gpus,) if nodes and run.degrees.gpus % gpus == 0]
    else:
        models = {tensor * pipeline * context for tensor, pipeline, context in model_degrees(run, instance)}
    ranks = [rank for rank in range(1, batch + 1) if batch % rank == 0]
    found = {rank * model // gpus for rank in ranks for model in models if rank * model % gpus == 0}
    return sorted(nodes for nodes in found if nodes <= most)


def aimed(wish: Wish) -> Wish:
    """With the default deadline, if the number of nodes is open and nothing else says what is wanted."""
    if wish.nodes is not None or wish.deadline_days is not None or wish.budget_usd is not None:
        return wish
    return replace(wish, deadline_days=DEFAULT_DEADLINE_DAYS)


def _candidates(wish: Wish, candidates: Iterable[InstanceType] | None) -> Iterable[InstanceType]:
    if wish.instance is not None:
        return (wish.instance,)
    known = instances() if candidates is None else candidates
    if wish.nodes is not None and wish.nodes > 1:
        return [each for each in known if _clusters(each)]
    return known


def _clusters(instance: InstanceType) -> bool:
    return (
        instance.network_gbps >= CLUSTER_NETWORK_GBPS and instance.accelerators >= 8 and bool(instance.efa_interfaces)
    )


def keeps(plan: ClusterPlan, wish: Wish) -> bool:
    """Whether it is likely to end by the deadline and within the budget, where these are given."""
    if wish.deadline_days is not None and plan.days.likely > wish.deadline_days:
        return False
    return wish.budget_usd is None or (plan.usd is not None and plan.usd.likely <= wish.budget_usd)


def _misses(plan: ClusterPlan, wish: Wish) -> str:
    takes = f"{plan.nodes} nodes take" if plan.nodes > 1 else "1 node takes"
    takes += f" {_days(plan.days.likely)} days"
    if wish.deadline_days is not None and plan.days.likely > wish.deadline_days:
        return f"{takes}; the deadline is {_days(wish.deadline_days)}"
    if plan.usd is None:
        return f"{takes}, and what they cost isn't known"
    return f"{takes} and cost {plan.usd.likely:,.0f} USD; the budget is {wish.budget_usd:,.0f}"


def _days(days: float) -> str:
    return f"{days:,.1f}" if days >= 1 else f"{days:.2g}"


def _distance(plan: ClusterPlan, wish: Wish) -> float:
    return plan.days.likely if wish.deadline_days is not None else _cost(plan)[1]


def _best(kept: list[ClusterPlan], wish: Wish) -> ClusterPlan | None:
    if not kept:
        return None
    if wish.budget_usd is not None and wish.deadline_days is None:
        return min(kept, key=lambda plan: plan.days.likely)
    return kept[0]


def _cost(plan: ClusterPlan) -> tuple[bool, float, float]:
    """An unknown price comes last, in the order of prices where they are known."""
    if plan.usd is not None:
        return False, plan.usd.likely, plan.days.likely
    elsewhere = ec2_price(plan.instance.name, _KNOWN_REGION).usd
    hourly = float("inf") if elsewhere is None else elsewhere
    return True, plan.days.likely * 24 * plan.nodes * hourly, plan.days.likely * plan.nodes


def _shown(plans: list[ClusterPlan], wish: Wish) -> list[ClusterPlan]:
    """Some of them, the smallest and the largest cluster, and the best that keeps the wish."""
    shown = _thinned(plans, SHOWN)
    kept = [plan for plan in plans if keeps(plan, wish)]
    best = _best(sorted(kept, key=_cost), wish)
    return shown if best is None or best in shown else [*shown, best]


def _thinned(values: list[Value], most: int) -> list[Value]:
    if len(values) <= most:
        return values
    return [values[round(index * (len(values) - 1) / (most - 1))] for index in range(most)]
