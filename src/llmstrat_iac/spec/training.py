"""The `training:` block of strategy C: how an open model is fine-tuned on instances of one's own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llmstrat_iac.spec.common import Closed, Name
from llmstrat_iac.spec.problems import detail, refuse
from llmstrat_iac.spec.tuning import Dataset
from llmstrat_iac.spec.units import Ttl

TrainingMethod = Literal["qlora", "lora", "full"]


class Lora(Closed):
    """The adapter that LoRA and QLoRA train."""

    rank: int = Field(default=16, ge=1, le=1024, description="Rank of the update matrices (`r`).")
    alpha: float = Field(default=32, gt=0, description="Scale of the update: alpha over rank.")
    dropout: float = Field(default=0.05, ge=0, lt=1, description="Dropout before the adapter.")
    target_modules: Annotated[list[str], Field(min_length=1)] | Literal["all-linear"] = Field(
        default="all-linear", description="Modules that get an adapter: `all-linear`, or names such as `q_proj`."
    )
    rslora: bool = Field(default=False, description="Rank-stabilised scaling: alpha over the root of the rank.")


class TrainingHyperparameters(Closed):
    """What the trainer is told; the same for every runtime."""

    epochs: float = Field(default=3, gt=0, le=100, description="Passes over the training data.")
    max_steps: int | None = Field(default=None, ge=1, description="Stop after so many optimizer steps, whatever epoch.")
    learning_rate: float | None = Field(
        default=None, gt=0, lt=1, description="Peak learning rate; 2e-4 for adapters and 2e-5 for `full` if unset."
    )
    batch_size: int = Field(default=16, ge=1, description="Examples an optimizer step, over all GPUs.")
    micro_batch_size: int | None = Field(
        default=None, ge=1, description="Examples a GPU at once; the largest power of two that fits, up to 8, if unset."
    )
    max_length: int = Field(default=2048, ge=16, description="Longest example in tokens; longer ones are cut.")
    packing: bool = Field(default=False, description="Whether several short examples share a sequence.")
    warmup_ratio: float = Field(default=0.03, ge=0, lt=1, description="Share of the steps that warm up.")
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup"] = Field(
        default="cosine", description="How the learning rate falls."
    )
    weight_decay: float = Field(default=0.0, ge=0, lt=1, description="Weight decay.")
    seed: int = Field(default=42, ge=0, description="Seed of shuffling, dropout and adapter initialisation.")
    completion_only: bool = Field(
        default=True, description="Whether the loss counts the answer only (prompt and completion data)."
    )
    beta: float = Field(default=0.1, gt=0, description="Strength of the preference loss (`objective: preference`).")
    lora: Lora = Field(default_factory=Lora, description="The adapter; ignored by `full`.")


class TrainingBlock(Closed):
    """A fine-tuning job on instances that end with it."""

    method: TrainingMethod = Field(
        description="`qlora` (4-bit base, adapter), `lora` (16-bit base, adapter) or `full` (all weights)."
    )
    objective: Literal["supervised", "preference"] = Field(
        default="supervised", description="`supervised` (examples of good answers) or `preference` (better and worse)."
    )
    dataset: Dataset = Field(description="What to train on.")
    hyperparameters: TrainingHyperparameters = Field(
        default_factory=TrainingHyperparameters, description="What the trainer is told."
    )
    runtime: Name = Field(description="Where it runs: `ec2`, `sagemaker`, or a plugin's.")
    instance: str = Field(default="auto", description="`auto` (the cheapest that fits) or an instance type.")
    capacity: Literal["on-demand", "spot"] = Field(
        default="on-demand", description="`spot` is cheaper and may be reclaimed; the job resumes from its checkpoint."
    )
    checkpoint_steps: int = Field(default=50, ge=1, description="Optimizer steps between two checkpoints.")
    max_duration: Ttl = Field(
        default="24h",
        validate_default=True,
        description="The job is stopped after this long, whatever it has done.",
    )
    deploy: Literal["when-completed", "manual"] = Field(
        default="when-completed",
        description="`when-completed`: the next `up` serves the tuned model; `manual`: `up --deploy` does.",
    )
    on_failure: Literal["keep-serving", "fail"] = Field(
        default="keep-serving",
        description="What `up` does when the job has failed: serve what served before, or stop with the reason.",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="The runtime's own options for training.")

    @model_validator(mode="after")
    def _pairs_arent_packed(self) -> TrainingBlock:
        if self.objective == "preference" and self.hyperparameters.packing:
            # TRL's DPO trainer knows no packing: the two answers of a pair must stay side by side.
            place = ("hyperparameters", "packing")
            remedy = "remove `packing`, or train with `objective: supervised`"
            refuse("TrainingBlock", [detail(place, "preference pairs can't be packed", remedy)])
        return self
