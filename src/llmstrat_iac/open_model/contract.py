"""What strategy C works with once a spec is valid: the model, how it is trained, how it is served.

The counterpart of `llmstrat_iac.tuning` for models that run on instances of one's own. Runtimes' functions get these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.tuning.identity import content_hashes, identity_of, job_name

if TYPE_CHECKING:
    from llmstrat_iac.catalog.open_models import OpenModel
    from llmstrat_iac.catalog.sizing.contract import Choice, Fit
    from llmstrat_iac.datasets.report import DatasetReport
    from llmstrat_iac.datasets.rules import VendorRules
    from llmstrat_iac.open_model.runtime import Runtime
    from llmstrat_iac.spec.open_model import ModelBlock
    from llmstrat_iac.spec.serving import ServingBlock
    from llmstrat_iac.spec.training import TrainingBlock
    from llmstrat_iac.tuning.source import DatasetSource

BASE_SUFFIX = "-base"
"""Alias of the untuned model: the tuned one's with this behind it."""
MODEL_SECRET = "model.token"  # noqa: S105 - a key of ProgramContext.secrets, which no provider's name can be


@dataclass(frozen=True)
class ResolvedModel:
    """The `model:` block with what is known of the model."""

    block: ModelBlock
    known: OpenModel

    @property
    def alias(self) -> str:
        """What applications call."""
        return self.block.alias


@dataclass(frozen=True)
class ResolvedTraining:
    """The `training:` block with its runtime; to operations a `ManagedJob`, as `ResolvedTuning` is."""

    block: TrainingBlock
    model: ResolvedModel
    runtime: Runtime
    options: Any
    """An instance of `Runtime.training_options`."""
    stack_name: str
    region: str
    train: DatasetSource
    validation: DatasetSource | None
    reads_files: bool = True
    expires: bool = True
    """Whether the stack has a TTL, so that its end is registered, too."""

    @cached_property
    def choice(self) -> Choice:
        """The instance types that were looked at, or the one that the spec names."""
        from llmstrat_iac.open_model.placement import choose_for_training

        return choose_for_training(self)

    @property
    def placement(self) -> Fit:
        """Where it runs; LlmstratError if it fits nowhere, which `plan` reports as a finding."""
        return _placed(self.choice, "training")

    @property
    def rules(self) -> VendorRules:
        """What the trainer demands of the dataset; `rules.convert` makes of it what the trainer reads."""
        from llmstrat_iac.open_model.data import training_rules

        return training_rules(self)

    @cached_property
    def report(self) -> DatasetReport | None:
        """The dataset checked; None if it is in S3 or isn't to be read. DatasetError if it can't be read."""
        from llmstrat_iac.open_model.data import check_training_data

        return check_training_data(self)

    @cached_property
    def identity(self) -> str:
        """Twelve hexadecimal digits of all that changes the result, and of nothing else. Reads the local files."""
        inputs = {
            "model": self.model.block.id,
            "revision": self.model.block.revision,
            "method": self.block.method,
            "objective": self.block.objective,
            "hyperparameters": self.block.hyperparameters.model_dump(mode="json", exclude_none=True),
            **content_hashes(train=self.train, validation=self.validation),
        }
        return identity_of(inputs)

    def job_name(self, limit: int = 63, attempt: int = 1) -> str:
        """`stack-alias-identity` in a-z, 0-9 and single `-`, of at most `limit` characters: the alias gives way."""
        return job_name(self.stack_name, self.alias, self.identity, limit=limit, attempt=attempt)

    @property
    def alias(self) -> str:
        """Of the trained model."""
        return self.model.alias

    @property
    def runner(self) -> str:
        """Who trains, in words."""
        return self.runtime.title

    @property
    def jobs(self) -> str:
        """Where to ask for the runtime's jobs."""
        return self.runtime.jobs

    @property
    def serves_when_completed(self) -> bool:
        """Whether the next `up` serves the trained model."""
        return self.block.deploy == "when-completed"

    @property
    def fails_up(self) -> bool:
        """Whether a failed job makes `up` fail, too."""
        return self.block.on_failure == "fail"

    @property
    def makes_adapter(self) -> bool:
        """Whether the result is a LoRA adapter, served on top of the base, rather than a model of its own."""
        return self.block.method != "full"


@dataclass(frozen=True)
class ResolvedServing:
    """The `serving:` block with its runtime."""

    block: ServingBlock
    model: ResolvedModel
    runtime: Runtime
    options: Any
    """An instance of `Runtime.serving_options`."""
    stack_name: str
    region: str
    training: ResolvedTraining | None
    expires: bool = True
    """Whether the stack has a TTL, so that its end is registered, too."""

    @cached_property
    def choice(self) -> Choice:
        """The instance types that were looked at, or the one that the spec names."""
        from llmstrat_iac.open_model.placement import choose_for_serving

        return choose_for_serving(self)

    @property
    def placement(self) -> Fit:
        """Where it runs; LlmstratError if it fits nowhere, which `plan` reports as a finding."""
        return _placed(self.choice, "serving")


@dataclass(frozen=True)
class ResolvedOpenModel:
    """A spec of strategy C, resolved. At least one of `training` and `serving` is there."""

    model: ResolvedModel
    training: ResolvedTraining | None
    serving: ResolvedServing | None

    def with_data(self, train: DatasetSource, validation: DatasetSource | None) -> ResolvedOpenModel:
        """The same with what somebody has found out about the training's files."""
        assert self.training is not None, "only a training has data"
        return self.with_training(replace(self.training, train=train, validation=validation))

    def with_training(self, training: ResolvedTraining) -> ResolvedOpenModel:
        """The same with another training, which the serving knows, too."""
        serving = None if self.serving is None else replace(self.serving, training=training)
        return replace(self, training=training, serving=serving)


@dataclass(frozen=True)
class FleetHealth:
    """How a fleet is, as AWS tells: what `Runtime.health` returns."""

    summary: str
    """In a few words: `1 of 1 instances answer`."""
    well: bool
    """Whether it serves as it should; a paused fleet that rests is well."""
    problems: tuple[str, ...] = ()
    """Why not, in AWS's words: an instance that died, capacity that isn't there."""


@dataclass(frozen=True)
class Weights:
    """What a fleet serves: the base or a fully trained model, and adapters on top of it."""

    model: str
    """Hub id or `s3://…/` prefix."""
    revision: str | None
    served_name: str
    """Under which name the engine answers with `model` alone."""
    adapters: tuple[Adapter, ...] = ()


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter that the engine loads at start."""

    served_name: str
    source: str
    """`s3://…/` prefix or hub id."""
    revision: str | None
    rank: int


def _placed(choice: Choice, what: str) -> Fit:
    if choice.best is None:
        reasons = "; ".join(f"{each.instance.name}: {each.reason}" for each in choice.rejected[:3])
        raise LlmstratError(f"{what}.instance: the model fits nowhere ({reasons})", remedy="`llmstrat plan` shows all")
    return choice.best
