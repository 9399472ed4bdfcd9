"""Strategy A, `closed-api`: call closed models as they are, through a gateway in the organisation's account.

This module is the light half: it must not import pulumi or boto3, which belong to `program`, `preflight` and `sweep`.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.strategies import CLOSED_API
from llmstrat_iac.hookspecs import ResolvedSpec, Strategy, hookimpl
from llmstrat_iac.plan import StackPlan
from llmstrat_iac.strategies.closed_api.spec import ClosedApiSpec


def _plan(resolved: ResolvedSpec) -> StackPlan:
    # The outline needs the price catalogue, which `validate` doesn't.
    from llmstrat_iac.strategies.closed_api.outline import plan_stack

    return plan_stack(resolved)


@hookimpl
def llmstrat_strategies() -> Iterable[Strategy]:
    yield Strategy(
        name=CLOSED_API.name,
        letter=CLOSED_API.letter,
        title=CLOSED_API.title,
        summary=CLOSED_API.summary,
        control=CLOSED_API.control,
        complexity=CLOSED_API.complexity,
        fits=CLOSED_API.fits,
        pros=CLOSED_API.pros,
        cons=CLOSED_API.cons,
        cost_drivers=CLOSED_API.cost_drivers,
        example=CLOSED_API.example,
        spec=ClosedApiSpec,
        plan=_plan,
        program="llmstrat_iac.strategies.closed_api.program:program",
        preflight="llmstrat_iac.strategies.closed_api.preflight:preflight",
        sweep="llmstrat_iac.strategies.closed_api.sweep:sweep",
    )
