"""The `model:` block of strategies C and D's serving: which open model, at which revision, under which licence."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from llmstrat_iac.spec.common import Alias, Closed
from llmstrat_iac.spec.places import Commit, Place, in_s3, pinned
from llmstrat_iac.spec.problems import detail, refuse
from llmstrat_iac.spec.providers import Credentials


class ArchitectureBlock(Closed):
    """The shape of a decoder-only transformer, as in the model's `config.json`; for models that aren't known."""

    layers: int = Field(gt=0, description="Layers (`num_hidden_layers`).")
    hidden_size: int = Field(gt=0, description="Width of the residual stream (`hidden_size`).")
    attention_heads: int = Field(gt=0, description="Query heads (`num_attention_heads`).")
    kv_heads: int | None = Field(
        default=None, gt=0, description="Key and value heads (`num_key_value_heads`); as many as query heads if unset."
    )
    head_dim: int | None = Field(default=None, gt=0, description="Width of a head; hidden size over heads if unset.")
    intermediate_size: int = Field(gt=0, description="Width of the feed-forward layer (`intermediate_size`).")
    vocab_size: int = Field(gt=0, description="Entries of the vocabulary (`vocab_size`).")
    max_context: int = Field(gt=0, description="Longest context (`max_position_embeddings`), in tokens.")
    tied_embeddings: bool = Field(default=False, description="Whether input and output embeddings are one.")
    experts: int | None = Field(default=None, gt=1, description="Experts a layer, for a mixture of experts.")
    experts_per_token: int | None = Field(default=None, gt=0, description="Experts that each token passes through.")

    @model_validator(mode="after")
    def _experts_come_together(self) -> ArchitectureBlock:
        if (self.experts is None) != (self.experts_per_token is None):
            message = "`experts` and `experts_per_token` come together"
            refuse("ArchitectureBlock", [detail(("experts_per_token",), message, "give both or neither")])
        return self


class ModelBlock(Closed):
    """An open model from the Hugging Face hub or from S3."""

    alias: Alias = Field(description="Name that applications send as `model`: the tuned model's once it is trained.")
    id: Place = Field(
        min_length=3, max_length=256, description="Hub id such as `meta-llama/Llama-3.1-8B-Instruct`, or `s3://…/`."
    )
    revision: Commit | None = Field(
        default=None, description="Commit of the hub's repository, 40 hexadecimal digits: what is checked is what runs."
    )
    accept_licence: str | None = Field(
        default=None, description="Name of the licence that your organisation has read and accepts."
    )
    token: Credentials | None = Field(
        default=None,
        description="Token of the Hugging Face hub, for a gated model: a Secrets Manager name or `env:VARIABLE`.",
    )
    base: str | None = Field(
        default=None, description="For weights that aren't known: the known model (hub id) whose shape they have."
    )
    architecture: ArchitectureBlock | None = Field(
        default=None, description="The model's shape, for one that isn't known (`llmstrat models --open`)."
    )

    @model_validator(mode="after")
    def _revision_is_pinned(self) -> ModelBlock:
        pinned("ModelBlock", "revision", self.id, self.revision)
        return self

    @property
    def in_s3(self) -> bool:
        """Whether the weights are in S3 rather than on the hub."""
        return in_s3(self.id)


Rank = Annotated[int, Field(ge=1, le=1024)]


class AdapterBlock(Closed):
    """A LoRA adapter that exists already, served beside the model."""

    alias: Alias = Field(description="Name that applications send as `model`.")
    source: Place = Field(description="`s3://…/` prefix, or hub id, with `adapter_config.json` in it.")
    revision: Commit | None = Field(default=None, description="Commit of the hub's repository, 40 hexadecimal digits.")
    rank: Rank = Field(description="The adapter's rank (`r` in `adapter_config.json`).")

    @model_validator(mode="after")
    def _revision_is_pinned(self) -> AdapterBlock:
        pinned("AdapterBlock", "revision", self.source, self.revision)
        return self
