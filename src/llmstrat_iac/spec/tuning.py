"""The `tuning:` block of strategy B: which model is tuned, on what, how, and what happens when the job is over.

Hyperparameters and options belong to the vendor; the loader validates them with the vendor's own models.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from llmstrat_iac.spec.common import Alias, Closed, Name
from llmstrat_iac.spec.providers import Credentials

TuningMethod = Literal["supervised", "preference"]
_S3 = re.compile(r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\s]+[^\s/]$")


class Dataset(Closed):
    """Training data: JSONL of chats, prompt and completion, or preference pairs."""

    train: str = Field(min_length=1, description="File to train on: relative to the spec's folder, or `s3://…`.")
    validation: str | None = Field(
        default=None, min_length=1, description="File to measure on, of the same kind; none if unset."
    )

    @field_validator("train", "validation")
    @classmethod
    def _is_a_file_or_an_object(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if "\x00" in value:
            raise ValueError("a path can't hold NUL")
        if value.startswith("s3://") and not _S3.match(value):
            raise ValueError("no S3 object: write `s3://bucket/path/to/file.jsonl`")
        if "://" in value and not value.startswith("s3://"):
            raise ValueError("neither a local path nor an `s3://` object")
        return value


class TuningBlock(Closed):
    """A managed fine-tuning job, from the dataset to the alias that serves the tuned model."""

    provider: Name = Field(description="Whose managed fine-tuning: `bedrock`, `sagemaker`, `gemini`, `openai`, …")
    alias: Alias = Field(description="Alias of the tuned model; consumers name it in `models`.")
    base_model: str = Field(min_length=1, max_length=256, description="The vendor's id of the model to tune.")
    dataset: Dataset = Field(description="What to train on.")
    method: TuningMethod = Field(
        default="supervised", description="`supervised` (examples of good answers) or `preference` (better and worse)."
    )
    hyperparameters: dict[str, Any] = Field(default_factory=dict, description="The vendor's own; `epochs` for all.")
    suffix: Annotated[str, Field(min_length=1, max_length=18, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")] | None = Field(
        default=None, description="Part of the tuned model's name where the vendor takes one; the alias if unset."
    )
    deploy: Literal["when-completed", "manual"] = Field(
        default="when-completed",
        description="`when-completed`: the next `up` serves the tuned model; `manual`: `up --deploy` does.",
    )
    on_failure: Literal["keep-serving", "fail"] = Field(
        default="keep-serving",
        description="What `up` does when the job has failed: serve what served before, or stop with the reason.",
    )
    retain_on_destroy: bool = Field(
        default=False, description="Whether `down` leaves the tuned model and its files at the vendor, still billed."
    )
    fallback_to_base: bool = Field(
        default=True, description="Whether the base model answers while, and whenever, the tuned one can't."
    )
    credentials: Credentials | None = Field(
        default=None,
        description="The vendor's key; that of the same vendor's entry under `providers` if unset. None inside AWS.",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="The vendor's own options for tuning.")
