"""Strategy D's own blocks: what is trained, on which text, by which trainer, on what cluster."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llmstrat_iac.spec.common import Closed, Name
from llmstrat_iac.spec.open_model import ArchitectureBlock
from llmstrat_iac.spec.places import Commit, Place, S3Prefix, in_s3, pinned
from llmstrat_iac.spec.problems import detail, refuse
from llmstrat_iac.spec.providers import Credentials
from llmstrat_iac.spec.units import Tokens, Ttl

Count = Annotated[int, Field(ge=1)]
Degree = Annotated[int, Field(ge=1, le=100_000)]


class ModelShape(Closed):
    """The architecture that is trained: a preset, or its dimensions."""

    preset: str | None = Field(default=None, description="A known shape such as `llama-1b` (`llmstrat train-plan`).")
    shape: ArchitectureBlock | None = Field(default=None, description="The dimensions, where no preset is meant.")

    @model_validator(mode="after")
    def _one_of_both(self) -> ModelShape:
        if (self.preset is None) == (self.shape is None):
            message = "give either `preset` or `shape`"
            refuse("ModelShape", [detail(("preset",), message, "`preset: llama-1b`, or `shape: {layers: …}`")])
        return self


class TokenizerBlock(Closed):
    """The tokenizer, which is made before: its vocabulary is part of the architecture."""

    source: Place = Field(description="Hub id, or `s3://…/` prefix with `tokenizer.json` in it.")
    revision: Commit | None = Field(default=None, description="Commit of the hub's repository, 40 hexadecimal digits.")
    token: Credentials | None = Field(
        default=None, description="Hugging Face token for a gated one: a Secrets Manager name or `env:VARIABLE`."
    )

    @model_validator(mode="after")
    def _fits_its_place(self) -> TokenizerBlock:
        pinned("TokenizerBlock", "revision", self.source, self.revision)
        if self.in_s3 and self.token is not None:
            problem = detail(("token",), "S3 asks for no token of the hub's", "remove it; the job's role reads S3")
            refuse("TokenizerBlock", [problem])
        return self

    @property
    def in_s3(self) -> bool:
        """Whether it is in S3 rather than on the hub."""
        return in_s3(self.source)


class CorpusBlock(Closed):
    """The text that the model learns from."""

    source: S3Prefix = Field(description="`s3://…/` prefix with the files.")
    tokens: Tokens = Field(description="How many tokens it has, such as `569B`.")
    format: Literal["jsonl", "parquet"] = Field(default="jsonl", description="Of the files; each document has `text`.")
    gib: float | None = Field(default=None, gt=0, description="Size of the files; 4 bytes a token if unset.")


class Parallelism(Closed):
    """How the work is divided over the GPUs; the product of all degrees is the number of GPUs."""

    data_replicate: Degree = Field(default=1, description="Replicas of the sharded model (HSDP); 1 shards over all.")
    data_shard: Degree | Literal["rest"] = Field(
        default="rest", description="GPUs that share parameters, gradients and optimizer state (FSDP)."
    )
    tensor: Degree = Field(default=1, description="GPUs that share each layer; at most a node's, divides the heads.")
    pipeline: Degree = Field(default=1, description="Stages of layers.")
    context: Degree = Field(default=1, description="GPUs that share each sequence.")
    activations: Literal["keep", "selective", "full"] = Field(
        default="selective", description="Which activations are computed again instead of kept."
    )


class LearningRate(Closed):
    """How fast it learns, and when."""

    peak: float = Field(default=3e-4, gt=0, lt=1, description="After the warm-up.")
    warmup_steps: int = Field(default=2000, ge=0, description="Steps until then.")
    minimum_ratio: float = Field(default=0.1, ge=0, le=1, description="Share of the peak that is left at the end.")
    schedule: Literal["cosine", "linear"] = Field(default="cosine", description="How it falls.")


class Checkpoints(Closed):
    """When the state of the training is kept, and for how long."""

    every_steps: Count | Literal["auto"] = Field(
        default="auto", description="Steps between two; `auto` balances the time they take against the work lost."
    )
    keep: int = Field(default=3, ge=1, description="Newest that are kept.")
    enabled: bool = Field(default=True, description="Whether there are any; a failed node then costs the whole run.")


class TrainerBlock(Closed):
    """What is run on the cluster."""

    framework: Name = Field(default="torchtitan", description="`torchtitan`, or a plugin's.")
    tokens: Tokens | None = Field(default=None, description="Token budget of the run; the whole corpus if unset.")
    epochs_allowed: bool = Field(default=False, description="Whether the budget may exceed the corpus, repeating it.")
    sequence_length: int = Field(default=4096, ge=128, description="Tokens a sequence.")
    batch_sequences: int = Field(default=1024, ge=1, description="Sequences an optimizer step, over all GPUs.")
    micro_batch: Count | Literal["auto"] = Field(default="auto", description="Sequences a GPU at once.")
    precision: Literal["bf16", "fp8"] = Field(default="bf16", description="Of the matrix products; fp8 from H100 on.")
    compile: bool = Field(default=True, description="Whether the model is compiled.")
    parallelism: Parallelism | Literal["auto"] = Field(
        default="auto", description="`auto` finds the fastest that fits."
    )
    learning_rate: LearningRate = Field(default_factory=LearningRate, description="How fast it learns.")
    checkpoints: Checkpoints = Field(default_factory=Checkpoints, description="When the state is kept.")
    seed: int = Field(default=42, ge=0, description="Seed of initialisation and shuffling.")
    options: dict[str, Any] = Field(default_factory=dict, description="The framework's own options.")


class StorageBlock(Closed):
    """The parallel file system between the corpus in S3 and the nodes."""

    kind: Literal["fsx", "s3"] = Field(
        default="fsx", description="`fsx` (Lustre, linked to S3), or `s3` alone, with the nodes' own disks as cache."
    )
    gib: Count | Literal["auto"] = Field(default="auto", description="Capacity of the file system.")
    mbps_per_tib: Literal[125, 250, 500, 1000] = Field(default=250, description="Its throughput, MB/s for each TiB.")


class ClusterBlock(Closed):
    """Where it runs."""

    runtime: Name = Field(default="sagemaker", description="`sagemaker`, `ec2`, `hyperpod`, or a plugin's.")
    instance: str = Field(default="auto", description="`auto`, or an instance type such as `p5.48xlarge`.")
    nodes: Annotated[int, Field(ge=1, le=10_000)] | Literal["auto"] = Field(
        default="auto", description="Instances; `auto` needs a deadline or a budget."
    )
    deadline: Ttl | None = Field(default=None, description="For `nodes: auto`: the training is to end within this.")
    budget_usd: float | None = Field(default=None, gt=0, description="For `nodes: auto`: it is to cost at most this.")
    node_usd: float | None = Field(
        default=None, gt=0, description="Price of a node an hour, where the catalogue has none or you pay another."
    )
    capacity: Literal["on-demand", "spot", "capacity-block", "reservation", "training-plan"] = Field(
        default="on-demand", description="How the instances are had."
    )
    reservation: str | None = Field(
        default=None, description="Id of the capacity block or reservation, or ARN of the training plan."
    )
    zone: str | None = Field(default=None, description="Availability zone, where the capacity or the data ties it.")
    storage: StorageBlock = Field(default_factory=StorageBlock, description="The parallel file system.")
    spare_nodes: int = Field(default=0, ge=0, description="Nodes beyond those that train, to replace failed ones.")
    acceptance: Literal["before-training", "only"] = Field(
        default="before-training",
        description="When the acceptance gate runs: before the training, or `only` the gate and no training after it.",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="The runtime's own options.")

    @model_validator(mode="after")
    def _one_types_price(self) -> ClusterBlock:
        if self.node_usd is not None and self.instance == "auto":
            problem = detail(("node_usd",), "is the price of one instance type", "name the type in `instance`")
            refuse("ClusterBlock", [problem])
        return self
