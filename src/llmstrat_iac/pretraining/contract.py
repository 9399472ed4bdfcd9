"""What strategy D works with once a spec is valid: the run, the cluster, and the plan for both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.tuning.identity import identity_of
from llmstrat_iac.tuning.source import DatasetSource

if TYPE_CHECKING:
    from llmstrat_iac.catalog.architecture import Architecture
    from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Search
    from llmstrat_iac.open_model.runtime import Runtime
    from llmstrat_iac.pretraining.trainer import Trainer
    from llmstrat_iac.spec.pretraining import ClusterBlock, CorpusBlock, ModelShape, TokenizerBlock, TrainerBlock


@dataclass(frozen=True)
class ResolvedPretraining:
    """The blocks of strategy D with their runtime and trainer; to operations a `ManagedJob`, as a tuning is."""

    shape: ModelShape
    architecture: Architecture
    tokenizer: TokenizerBlock
    corpus: CorpusBlock
    trainer: TrainerBlock
    cluster: ClusterBlock
    runtime: Runtime
    options: Any
    """An instance of `Runtime.cluster_options`."""
    framework: Trainer
    """That `trainer.framework` names."""
    framework_options: Any
    """An instance of `Trainer.options`."""
    stack_name: str
    region: str
    alias: str
    """Under which the finished model is served, and by which the job is named."""
    expires: bool = True
    """Whether the stack has a TTL, so that schedules stop it."""

    @cached_property
    def search(self) -> Search:
        """The clusters that were looked at."""
        from llmstrat_iac.pretraining.planning import search_clusters

        return search_clusters(self)

    @property
    def plan(self) -> ClusterPlan:
        """The cluster; LlmstratError if none can do it, which `plan` reports as a finding."""
        if self.search.best is None:
            reasons = "; ".join(f"{each.instance.name}: {each.reason}" for each in self.search.refused[:3])
            raise LlmstratError(
                f"cluster: no cluster can do this ({reasons})", remedy="`llmstrat train-plan` shows all"
            )
        return self.search.best

    @property
    def tokens(self) -> int:
        """The run's budget."""
        return self.trainer.tokens or self.corpus.tokens

    @property
    def steps(self) -> int:
        """Optimizer steps of the run, the last one included."""
        return -(-self.tokens // (self.trainer.batch_sequences * self.trainer.sequence_length))

    @property
    def train(self) -> DatasetSource:
        """The corpus: known by its place, since nobody reads terabytes to name a job."""
        return DatasetSource(self.corpus.source, None, fingerprint=self.corpus.source)

    @property
    def validation(self) -> DatasetSource | None:
        """None: the trainer measures on a part of the corpus."""
        return None

    @property
    def runner(self) -> str:
        """Who trains, in words."""
        return self.runtime.title

    @property
    def jobs(self) -> str:
        """Where to ask for the runtime's jobs."""
        return self.runtime.jobs

    @property
    def gate_only(self) -> bool:
        """Whether the job is the acceptance gate alone: it tests the cluster, and makes no model."""
        return self.cluster.acceptance == "only"

    @property
    def serves_when_completed(self) -> bool:
        """A finished model is served by the next `up`, if the spec has `serving:`."""
        return not self.gate_only

    @property
    def fails_up(self) -> bool:
        """A run that failed keeps its checkpoints; the next `up` says so and goes on."""
        return False

    @cached_property
    def identity(self) -> str:
        """Of the job: of its model, or with `gate_only`, of the cluster that it tests."""
        from llmstrat_iac.pretraining.gate_job import gate_identity

        return gate_identity(self) if self.gate_only else self.model_identity

    @cached_property
    def model_identity(self) -> str:
        """Twelve hexadecimal digits of what the model will be: not of the cluster, which may change on the way."""
        trainer = self.trainer.model_dump(
            mode="json", exclude={"checkpoints", "parallelism", "micro_batch", "compile", "options"}
        )
        inputs = {
            "shape": self.shape.model_dump(mode="json", exclude_none=True),
            "tokenizer": self.tokenizer.model_dump(mode="json", exclude_none=True),
            "corpus": self.corpus.source,
            "trainer": trainer,
        }
        return identity_of(inputs)

    def job_name(self, limit: int = 63, attempt: int = 1) -> str:
        """`stack-identity` in a-z, 0-9 and single `-`."""
        tail = (self.identity if self.gate_only else self.identity[:8]) + (f"-{attempt}" if attempt > 1 else "")
        return f"{self.stack_name[: limit - len(tail) - 1].strip('-')}-{tail}"
