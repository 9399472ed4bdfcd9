"""Strategy D, `from-scratch`: train a model of one's own on a multi-node cluster, and serve it as in C if wanted.

This module is the light half: it must not import pulumi or boto3, which belong to `program`, `preflight` and `sweep`.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.strategies import FROM_SCRATCH
from llmstrat_iac.hookspecs import ResolvedSpec, Strategy, hookimpl
from llmstrat_iac.plan import StackPlan
from llmstrat_iac.strategies.from_scratch.spec import FromScratchSpec


def _plan(resolved: ResolvedSpec) -> StackPlan:
    # The outline needs catalogues and the planner, which other commands don't.
    from llmstrat_iac.strategies.from_scratch.outline import plan_stack

    return plan_stack(resolved)


@hookimpl
def llmstrat_strategies() -> Iterable[Strategy]:
    yield Strategy(
        name=FROM_SCRATCH.name,
        letter=FROM_SCRATCH.letter,
        title=FROM_SCRATCH.title,
        summary=FROM_SCRATCH.summary,
        control=FROM_SCRATCH.control,
        complexity=FROM_SCRATCH.complexity,
        fits=FROM_SCRATCH.fits,
        pros=FROM_SCRATCH.pros,
        cons=FROM_SCRATCH.cons,
        cost_drivers=FROM_SCRATCH.cost_drivers,
        example=FROM_SCRATCH.example,
        spec=FromScratchSpec,
        plan=_plan,
        program="llmstrat_iac.strategies.from_scratch.program:program",
        preflight="llmstrat_iac.strategies.from_scratch.preflight:preflight",
        sweep="llmstrat_iac.strategies.from_scratch.sweep:sweep",
    )
