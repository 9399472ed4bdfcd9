"""What a vendor offers and what a spec asks for: the contract between strategy B and the vendors' plugins.

`Tuning` is the object that `Provider.tuning` names; `ResolvedTuning` is what its functions get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import Field

from llmstrat_iac.catalog.models import ModelInfo
from llmstrat_iac.catalog.tunable_models import TunableBase
from llmstrat_iac.plan import CostLine, StackPlan
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.spec.providers import Credentials
from llmstrat_iac.spec.tuning import TuningBlock
from llmstrat_iac.tuning.identity import content_hashes, identity_of, job_name
from llmstrat_iac.tuning.source import DatasetSource, check_dataset

if TYPE_CHECKING:
    from llmstrat_iac.datasets.report import DatasetReport
    from llmstrat_iac.datasets.rules import VendorRules

TUNING_SECRET = "tuning.credentials"  # noqa: S105 - a key of ProgramContext.secrets, which no provider's name can be


class Hyperparameters(Closed):
    """What every vendor's hyperparameters have. The default is always sent, so that the price is known before."""

    epochs: int = Field(default=2, ge=1, description="Passes over the training data.")


@dataclass(frozen=True)
class Tuning:
    """A provider's managed fine-tuning: the object that `Provider.tuning` names."""

    title: str
    hyperparameters: Mapping[tuple[str, str], type[Hyperparameters]]
    """(pattern of base ids, pattern of methods) to the model of `hyperparameters:`; the first that fits counts. A base
    or a method that none fits can't be tuned."""
    options: type[Closed]
    """Model of the block's `options:`."""
    bases: Callable[[], Iterable[TunableBase]]
    """Known bases; others are allowed with a warning, and the preflight asks the vendor."""
    rules: Callable[[str, str], VendorRules]
    """(base model, method) to what the vendor demands of the file; DatasetError if there is no such tuning."""
    plan: Callable[[ResolvedTuning], StackPlan]
    """The vendor's part of the plan: resources in outline, storage and hosting, the tuned model's token price,
    findings. Pure; the strategy adds the dataset's check and the training's cost."""
    program: str
    """`package.module:function(ProgramContext, ResolvedTuning, TuningState, ResourceOptions) -> ServedModel | None`:
    registers upload, job, model and deployment with the options given; says how the gateway reaches the model once one
    is served."""
    jobs: str
    """`package.module:function(ResolvedSpec, AwsSession, Target, secrets) -> TuningJobs`."""
    preflight: str
    """`package.module:function(ResolvedSpec, AwsSession) -> Iterable[Finding]`."""
    sweep: str
    """`package.module:function(stack_name, AwsSession, *, remove) -> Iterable[Leftover]`."""
    hosting: Callable[[ResolvedTuning, float], Iterable[CostLine]] | None = None
    """(tuning, requests a month) to what serving costs at that load; None if it is billed by token, or by the month."""
    serves_base: str | None = None
    """`package.module:function(ProgramContext, ResolvedTuning) -> ServedModel | None`: how the gateway reaches the
    untuned base, as the fallback; None for the provider's own way to its models."""
    keeps_history: bool = True
    """Whether the record of a job stays at the vendor, which can't delete it: the receipt names it."""
    secret_variable: str | None = None
    """Environment variable that customarily holds the key; None if the provider needs none. If it is the provider's
    own `secret_variable`, a key under `providers:` does for tuning, too."""

    def hyperparameters_of(self, base_model: str, method: str) -> type[Hyperparameters] | None:
        """The model of the hyperparameters; None if this base can't be tuned so."""
        for (bases, methods), model in self.hyperparameters.items():
            if fnmatchcase(base_model, bases) and fnmatchcase(method, methods):
                return model
        return None


@dataclass(frozen=True)
class ResolvedTuning:
    """The spec's `tuning:` block with the vendor's validated parts."""

    block: TuningBlock
    tuning: Tuning
    stack_name: str
    region: str
    hyperparameters: Hyperparameters
    options: Any
    """An instance of `Tuning.options`."""
    train: DatasetSource
    validation: DatasetSource | None
    credentials: Credentials | None
    """The vendor's key; None inside AWS."""
    inside_account: bool
    """Whether the training data stays within the AWS account's boundary."""
    models: Callable[[], Iterable[ModelInfo]]
    """The provider's models, tunable or not."""
    expires: bool
    """Whether the stack has a time to live."""
    reads_files: bool = True
    """Whether `report` may read the dataset; `validate` and `status` needn't."""

    @property
    def vendor(self) -> str:
        """The provider's name."""
        return self.block.provider

    @property
    def alias(self) -> str:
        """Of the tuned model."""
        return self.block.alias

    @property
    def runner(self) -> str:
        """Who tunes, in words."""
        return self.tuning.title

    @property
    def jobs(self) -> str:
        """Where to ask for the vendor's jobs."""
        return self.tuning.jobs

    @property
    def serves_when_completed(self) -> bool:
        """Whether the next `up` serves the tuned model."""
        return self.block.deploy == "when-completed"

    @property
    def fails_up(self) -> bool:
        """Whether a failed job makes `up` fail, too."""
        return self.block.on_failure == "fail"

    @cached_property
    def base(self) -> TunableBase | None:
        """What is known of the base; None if it isn't among the known ones."""
        return next((base for base in self.tuning.bases() if base.id == self.block.base_model), None)

    @property
    def fallback_id(self) -> str | None:
        """Id of the untuned model as the fallback; None if the spec wants none, or the vendor serves none."""
        return self.base.inference_id if self.base and self.block.fallback_to_base else None

    @property
    def rules(self) -> VendorRules:
        """What the vendor demands of the dataset."""
        return self.tuning.rules(self.block.base_model, self.block.method)

    @cached_property
    def report(self) -> DatasetReport | None:
        """The dataset checked against the vendor's rules; None if it is in S3, or isn't to be read.

        DatasetError if it can't be read at all, or if it isn't what `identity` was computed from.
        """
        sources = (self.train, self.validation) if self.validation else (self.train,)
        if not self.reads_files or any(source.path is None for source in sources):
            return None
        return check_dataset(self.train, self.validation, self.rules)

    @cached_property
    def identity(self) -> str:
        """Twelve hexadecimal digits of all that changes the result, and of nothing else. Reads the local files.

        ValueError if the content of an S3 object isn't known yet.
        """
        inputs = {
            "vendor": self.vendor,
            "base_model": self.block.base_model,
            "method": self.block.method,
            "hyperparameters": self.hyperparameters.model_dump(mode="json", exclude_none=True),
            **content_hashes(train=self.train, validation=self.validation),
        }
        return identity_of(inputs)

    def job_name(self, limit: int = 63, attempt: int = 1) -> str:
        """`stack-alias-identity` in a-z, 0-9 and single `-`, of at most `limit` characters: the alias gives way."""
        return job_name(self.stack_name, self.alias, self.identity, limit=limit, attempt=attempt)
