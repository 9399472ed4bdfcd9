"""The spec file of strategy D: an architecture, a corpus, a trainer and a cluster; a fleet for what comes out of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llmstrat_iac.spec.common import Alias
from llmstrat_iac.spec.fleet import FleetSpec
from llmstrat_iac.spec.pretraining import ClusterBlock, CorpusBlock, ModelShape, TokenizerBlock, TrainerBlock
from llmstrat_iac.spec.problems import Path


class FromScratchSpec(FleetSpec):
    """A whole file with `strategy: from-scratch`."""

    strategy: Literal["from-scratch"] = Field(description="`from-scratch`, or its letter `D`.")
    model_alias: Alias | None = Field(
        default=None, description="Name of the model: what applications send as `model`; the stack's name if unset."
    )
    architecture: ModelShape = Field(description="What is trained: a known shape, or one's own.")
    tokenizer: TokenizerBlock = Field(description="The tokenizer, made before: its vocabulary shapes the model.")
    corpus: CorpusBlock = Field(description="The text that it learns from.")
    trainer: TrainerBlock = Field(default_factory=TrainerBlock, description="How it is trained.")
    cluster: ClusterBlock = Field(description="On which instances it is trained.")

    @property
    def alias(self) -> str:
        """The model's name."""
        return self.model_alias or f"{self.name}-{self.environment}"

    @property
    def own_aliases(self) -> dict[str, Path]:
        """The model's only: what is trained from nothing has no base to serve beside it."""
        return {self.alias: ("model_alias",)}
