"""Strategy B, `closed-api-tuned`: have a vendor tune a closed model, and serve it through the same gateway as A.

This module is the light half: it must not import pulumi or boto3, which belong to `program`, `preflight` and `sweep`.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.strategies import CLOSED_API_TUNED
from llmstrat_iac.hookspecs import ResolvedSpec, Strategy, hookimpl
from llmstrat_iac.plan import StackPlan
from llmstrat_iac.strategies.closed_api_tuned.spec import ClosedApiTunedSpec


def _plan(resolved: ResolvedSpec) -> StackPlan:
    # The outline needs the price catalogue, which other commands don't.
    from llmstrat_iac.strategies.closed_api_tuned.outline import plan_stack

    return plan_stack(resolved)


@hookimpl
def llmstrat_strategies() -> Iterable[Strategy]:
    yield Strategy(
        name=CLOSED_API_TUNED.name,
        letter=CLOSED_API_TUNED.letter,
        title=CLOSED_API_TUNED.title,
        summary=CLOSED_API_TUNED.summary,
        control=CLOSED_API_TUNED.control,
        complexity=CLOSED_API_TUNED.complexity,
        fits=CLOSED_API_TUNED.fits,
        pros=CLOSED_API_TUNED.pros,
        cons=CLOSED_API_TUNED.cons,
        cost_drivers=CLOSED_API_TUNED.cost_drivers,
        example=CLOSED_API_TUNED.example,
        spec=ClosedApiTunedSpec,
        plan=_plan,
        program="llmstrat_iac.strategies.closed_api_tuned.program:program",
        preflight="llmstrat_iac.strategies.closed_api_tuned.preflight:preflight",
        sweep="llmstrat_iac.strategies.closed_api_tuned.sweep:sweep",
    )
