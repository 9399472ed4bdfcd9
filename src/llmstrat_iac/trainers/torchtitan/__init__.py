"""torchtitan as a trainer: dense Llamas, divided in all ways that the planner knows."""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.pretraining.engines import TORCHTITAN
from llmstrat_iac.hookspecs import Trainer, hookimpl
from llmstrat_iac.trainers.torchtitan.options import TitanOptions
from llmstrat_iac.trainers.torchtitan.render import TITAN_VERSION, render_titan
from llmstrat_iac.trainers.torchtitan.shapes import check_shape


@hookimpl
def llmstrat_trainers() -> Iterable[Trainer]:
    yield Trainer(
        name="torchtitan",
        title="torchtitan",
        version=TITAN_VERSION,
        options=TitanOptions,
        engine=TORCHTITAN,
        render=render_titan,
        check=check_shape,
    )
