"""torchtitan as a trainer: dense Llamas, divided in all ways that the planner knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmstrat_iac.catalog.pretraining.engines import TORCHTITAN
from llmstrat_iac.hookspecs import Trainer, hookimpl
from llmstrat_iac.trainers.torchtitan.options import TitanOptions

if TYPE_CHECKING:
    from llmstrat_iac.plan import Finding
    from llmstrat_iac.pretraining import ResolvedPretraining, TrainerRun

TITAN_VERSION = "0.3.0"


@hookimpl
def llmstrat_trainers() -> Iterable[Trainer]:
    yield Trainer(
        name="torchtitan",
        title="torchtitan",
        version=TITAN_VERSION,
        options=TitanOptions,
        engine=TORCHTITAN,
        render=_render,
        check=_check,
    )


# Only specs that train from scratch need them.
def _render(pretraining: ResolvedPretraining) -> TrainerRun:
    from llmstrat_iac.trainers.torchtitan.render import render_titan

    return render_titan(pretraining)


def _check(pretraining: ResolvedPretraining) -> Iterable[Finding]:
    from llmstrat_iac.trainers.torchtitan.shapes import check_shape

    return check_shape(pretraining)
