"""Strategy C, `open-model`: fine-tune and host an open model on GPU instances, behind the same gateway as A.

This module is the light half: it must not import pulumi or boto3, which belong to `program`, `preflight` and `sweep`.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.strategies import OPEN_MODEL
from llmstrat_iac.hookspecs import ResolvedSpec, Strategy, hookimpl
from llmstrat_iac.plan import StackPlan
from llmstrat_iac.strategies.open_model.spec import OpenModelSpec


def _plan(resolved: ResolvedSpec) -> StackPlan:
    # The outline needs catalogues and sizing, which other commands don't.
    from llmstrat_iac.strategies.open_model.outline import plan_stack

    return plan_stack(resolved)


@hookimpl
def llmstrat_strategies() -> Iterable[Strategy]:
    yield Strategy(
        name=OPEN_MODEL.name,
        letter=OPEN_MODEL.letter,
        title=OPEN_MODEL.title,
        summary=OPEN_MODEL.summary,
        control=OPEN_MODEL.control,
        complexity=OPEN_MODEL.complexity,
        fits=OPEN_MODEL.fits,
        pros=OPEN_MODEL.pros,
        cons=OPEN_MODEL.cons,
        cost_drivers=OPEN_MODEL.cost_drivers,
        example=OPEN_MODEL.example,
        spec=OpenModelSpec,
        plan=_plan,
        program="llmstrat_iac.strategies.open_model.program:program",
        preflight="llmstrat_iac.strategies.open_model.preflight:preflight",
        sweep="llmstrat_iac.strategies.open_model.sweep:sweep",
    )
