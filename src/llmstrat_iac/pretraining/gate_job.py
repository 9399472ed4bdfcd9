"""A job that runs the acceptance gate and trains nothing: what it is known by, and how long it takes and may take."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from llmstrat_iac.catalog.pretraining.contract import Span
from llmstrat_iac.pretraining.storage import file_system_gib, has_file_system
from llmstrat_iac.tuning.identity import GATE_PREFIX, identity_of

if TYPE_CHECKING:
    from llmstrat_iac.pretraining.contract import ResolvedPretraining

LIMIT = timedelta(hours=6)
"""After which it is stopped, whatever the options let a training last: nodes that come late, images, health checks."""
START_HOURS = Span(5 / 60, 15 / 60, 1.0)
"""From the nodes' first bill to the gate's start, for a runtime that doesn't say otherwise. Ours: a node boots, fetches
an image and 3 GB of packages, and waits for the last of the others."""
GATE_HOURS = Span(5 / 60, 15 / 60, 15 / 60)
"""The measurement. Likely is the most that the launcher gives it (LLMSTRAT_GATE_SECONDS); low is ours."""
_NOT_TESTED = {"acceptance", "deadline", "budget_usd", "options"}


def gate_identity(pretraining: ResolvedPretraining) -> str:
    """`gate` and eight hexadecimal digits of what is tested: the cluster, whatever it is to train."""
    tested: dict[str, Any] = pretraining.cluster.model_dump(mode="json", exclude=_NOT_TESTED)
    best = pretraining.search.best
    if best is not None:  # else the plan refuses the spec
        tested |= {"instance": best.instance.name, "nodes": best.nodes}
        tested |= {"gib": file_system_gib(pretraining)} if has_file_system(pretraining) else {}
    return GATE_PREFIX + identity_of({"region": pretraining.region, **tested})[:8]


def gate_days(pretraining: ResolvedPretraining) -> Span:
    """How long its nodes bill, from the first to the end."""
    starts = pretraining.runtime.starts_in
    start = START_HOURS if starts is None else starts(pretraining)
    low, likely, high = start.low + GATE_HOURS.low, start.likely + GATE_HOURS.likely, start.high + GATE_HOURS.high
    return Span(low / 24, likely / 24, high / 24)
