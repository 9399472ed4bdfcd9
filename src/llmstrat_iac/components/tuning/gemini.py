"""Gemini's tuning in a Google Cloud project: the dataset in Cloud Storage, the job, and the endpoint that it deploys.

The tuned model is called at its endpoint in OpenAI's format, the base at the platform's own, both with access tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
import pulumi

from llmstrat_iac.components.tuning.gemini_resources import PLATFORM, GeminiFile, GeminiJob
from llmstrat_iac.components.tuning.names import (
    METADATA_JOB,
    METADATA_RETAINED,
    METADATA_STACK,
    job_key,
    logical_name,
)
from llmstrat_iac.components.tuning.upload import converted_files, file_sha256
from llmstrat_iac.hookspecs import ProgramContext, ServedModel, Upstream
from llmstrat_iac.tuning import JobState, ResolvedTuning, TuningState

_SIZES = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN"}


def program(
    context: ProgramContext, tuning: ResolvedTuning, state: TuningState, opts: pulumi.ResourceOptions
) -> ServedModel | None:
    """Register the files until the job is completed, and the jobs that matter."""
    if state.serving is not None:
        _job(tuning, state.serving.inputs["key"], {}, opts)
    key = state.current.inputs["key"] if state.current else job_key(tuning.identity, state.attempt)
    done = state.current is not None and state.current.state is JobState.COMPLETED
    _job(tuning, key, {} if done else _files(tuning, key, opts), opts)
    if state.served is None:
        return None
    known = tuning.base
    return ServedModel(
        model=state.served.model_id,
        upstream=Upstream("openai", f"{_url(context, tuning)}/{state.served.inputs['endpoint']}", "google"),
        usd_per_mtok_input=known.usd_per_mtok_input if known else None,
        usd_per_mtok_output=known.usd_per_mtok_output if known else None,
    )


def base(context: ProgramContext, tuning: ResolvedTuning) -> ServedModel | None:
    """The untuned base, in the same project and with the same service account."""
    identity = tuning.fallback_id
    if identity is None:
        return None
    info = next((model for model in tuning.models() if model.id == identity), None)
    return ServedModel(
        model=f"google/{identity}",
        upstream=Upstream("openai", f"{_url(context, tuning)}/{_parent(tuning)}/endpoints/openapi", "google"),
        usd_per_mtok_input=info.usd_per_mtok_input if info else None,
        usd_per_mtok_output=info.usd_per_mtok_output if info else None,
    )


def _url(context: ProgramContext, tuning: ResolvedTuning) -> str:
    """OpenAI's format is in `v1beta1`.

    https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/v1beta1/projects.locations.endpoints.chat/completions
    """
    default = f"https://{tuning.options.location}-aiplatform.googleapis.com"
    return f"{context.target.upstreams.get(PLATFORM, default)}/v1beta1"


def _parent(tuning: ResolvedTuning) -> str:
    return f"projects/{tuning.options.project}/locations/{tuning.options.location}"


def _access(tuning: ResolvedTuning) -> dict[str, str]:
    assert tuning.credentials is not None, "the loader demands them"
    return {"credentials": tuning.credentials.secret, "region": tuning.region}


def _files(tuning: ResolvedTuning, key: str, opts: pulumi.ResourceOptions) -> dict[str, GeminiFile]:
    session = boto3.Session(region_name=tuning.region)
    return {
        channel: GeminiFile(
            f"tuning-{key}-{channel}",
            {
                "bucket": tuning.options.bucket,
                "object_name": f"llmstrat/{tuning.stack_name}/{key}/{channel}.jsonl",
                "path": str(path),
                "sha256": file_sha256(path),
                **_access(tuning),
            },
            _retained(tuning, opts),
        )
        for channel, path in converted_files(tuning, session).items()
    }


def _job(tuning: ResolvedTuning, key: str, files: Mapping[str, GeminiFile], opts: pulumi.ResourceOptions) -> GeminiJob:
    labels = {METADATA_STACK: tuning.stack_name, METADATA_JOB: key}
    request = {
        "baseModel": tuning.block.base_model,
        "tunedModelDisplayName": tuning.job_name(63, int(key.rpartition("-")[2])),
        "labels": labels | ({METADATA_RETAINED: "true"} if tuning.block.retain_on_destroy else {}),
        **_spec(tuning, files),
    }
    inputs = {
        "parent": _parent(tuning),
        "location": tuning.options.location,
        "request": request,
        **_access(tuning),
    }
    return GeminiJob(logical_name(key), inputs, _retained(tuning, opts))


def _retained(tuning: ResolvedTuning, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=tuning.block.retain_on_destroy))


def _spec(tuning: ResolvedTuning, files: Mapping[str, GeminiFile]) -> dict[str, Any]:
    values = tuning.hyperparameters.model_dump(mode="json", exclude_none=True)
    parameters: dict[str, Any] = {"epochCount": str(values["epochs"])}
    if "adapter_size" in values:
        parameters["adapterSize"] = f"ADAPTER_SIZE_{_SIZES[values['adapter_size']]}"
    if "learning_rate_multiplier" in values:
        parameters["learningRateMultiplier"] = values["learning_rate_multiplier"]
    if "beta" in values:
        parameters["beta"] = values["beta"]
    names = {"train": "trainingDatasetUri", "validation": "validationDatasetUri"}
    uris = {names[channel]: file.id for channel, file in files.items()}
    # One endpoint instead of one for each epoch's checkpoint.
    spec = {**uris, "hyperParameters": parameters, "exportLastCheckpointOnly": True}
    kind = "preferenceOptimizationSpec" if tuning.block.method == "preference" else "supervisedTuningSpec"
    return {kind: spec}
