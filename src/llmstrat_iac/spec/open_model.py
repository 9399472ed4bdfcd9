"""The `model:` block of strategies C and D's serving: which open model, at which revision, under which licence."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from llmstrat_iac.spec.common import Alias, Closed
from llmstrat_iac.spec.problems import detail, refuse
from llmstrat_iac.spec.providers import Credentials

_HUB_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$")
_S3_PREFIX = re.compile(r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\s]+$")
_COMMIT = re.compile(r"^[0-9a-f]{40}$")


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
    id: str = Field(
        min_length=3, max_length=256, description="Hub id such as `meta-llama/Llama-3.1-8B-Instruct`, or `s3://…/`."
    )
    revision: str | None = Field(
        default=None, description="Commit of the hub's repository, 40 hexadecimal digits: what is checked is what runs."
    )
    accept_licence: str | None = Field(
        default=None, description="Name of the licence that your organisation has read and accepts."
    )
    token: Credentials | None = Field(
        default=None, description="Hugging Face token for a gated model: a Secrets Manager name or `env:VARIABLE`."
    )
    base: str | None = Field(
        default=None, description="For weights that aren't known: the known model (hub id) whose shape they have."
    )
    architecture: ArchitectureBlock | None = Field(
        default=None, description="The model's shape, for one that isn't known (`llmstrat models --open`)."
    )

    @field_validator("id")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if value.startswith("s3://"):
            if not _S3_PREFIX.match(value):
                raise ValueError("no S3 prefix: write `s3://bucket/path/to/weights/`")
        elif not _HUB_ID.match(value):
            raise ValueError("neither a hub id (`organisation/model`) nor an `s3://` prefix")
        return value

    @field_validator("revision")
    @classmethod
    def _is_a_commit(cls, value: str | None) -> str | None:
        if value is not None and not _COMMIT.match(value):
            raise ValueError("a branch or tag can move: give the commit's 40 hexadecimal digits")
        return value

    @model_validator(mode="after")
    def _revision_is_pinned(self) -> ModelBlock:
        if not self.in_s3 and self.revision is None:
            remedy = f"copy the commit from https://huggingface.co/{self.id}/commits/main"
            refuse("ModelBlock", [detail(("revision",), "is missing", remedy)])
        if self.in_s3 and self.revision is not None:
            refuse("ModelBlock", [detail(("revision",), "S3 has no revisions", "remove it; the prefix is the version")])
        return self

    @property
    def in_s3(self) -> bool:
        """Whether the weights are in S3 rather than on the hub."""
        return self.id.startswith("s3://")


Rank = Annotated[int, Field(ge=1, le=1024)]


class AdapterBlock(Closed):
    """A LoRA adapter that exists already, served beside the model."""

    alias: Alias = Field(description="Name that applications send as `model`.")
    source: str = Field(description="`s3://…/` prefix, or hub id, with `adapter_config.json` in it.")
    revision: str | None = Field(default=None, description="Commit of the hub's repository, 40 hexadecimal digits.")
    rank: Rank = Field(description="The adapter's rank (`r` in `adapter_config.json`).")

    @field_validator("source")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if not (_S3_PREFIX.match(value) if value.startswith("s3://") else _HUB_ID.match(value)):
            raise ValueError("neither a hub id (`organisation/model`) nor an `s3://` prefix")
        return value

    @field_validator("revision")
    @classmethod
    def _is_a_commit(cls, value: str | None) -> str | None:
        if value is not None and not _COMMIT.match(value):
            raise ValueError("a branch or tag can move: give the commit's 40 hexadecimal digits")
        return value
