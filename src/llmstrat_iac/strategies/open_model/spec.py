"""The spec file of strategy C: an open model, how it is trained, how it is served, and closed models beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field
from pydantic_core import InitErrorDetails

from llmstrat_iac.open_model.contract import BASE_SUFFIX
from llmstrat_iac.spec.fleet import FleetSpec
from llmstrat_iac.spec.open_model import ModelBlock
from llmstrat_iac.spec.problems import Path, detail
from llmstrat_iac.spec.training import TrainingBlock


class OpenModelSpec(FleetSpec):
    """A whole file with `strategy: open-model`."""

    strategy: Literal["open-model"] = Field(description="`open-model`, or its letter `C`.")
    model: ModelBlock = Field(description="The open model.")
    training: TrainingBlock | None = Field(default=None, description="How it is fine-tuned; not at all if unset.")

    @property
    def own_aliases(self) -> dict[str, Path]:
        """The model's, and its base's where training makes an adapter on top of that."""
        aliases: dict[str, Path] = {self.model.alias: ("model", "alias")}
        if self.training is not None and self.training.method != "full":
            aliases[self.model.alias + BASE_SUFFIX] = ("model", "alias")
        return aliases

    def inconsistencies(self) -> list[InitErrorDetails]:
        """Blocks that need each other, besides what any fleet's spec must keep."""
        return [*super().inconsistencies(), *self._nothing_to_do()]

    def _nothing_to_do(self) -> Iterator[InitErrorDetails]:
        if self.training is None and self.serving is None:
            message = "is missing, and so is `training`: nothing would be done with the model"
            yield detail(("serving",), message, "add `serving: {runtime: ec2}`, or a `training:` block, or both")

    def _owner(self, alias: str) -> str:
        if alias in self.own_aliases:
            return "the model's or its base's (`model.alias`)"
        return super()._owner(alias)
