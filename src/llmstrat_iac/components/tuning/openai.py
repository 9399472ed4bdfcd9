"""OpenAI's fine-tuning: the dataset as files, the job, and the model that it makes, called like any other of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
import pulumi

from llmstrat_iac.components.tuning.names import job_key, logical_name
from llmstrat_iac.components.tuning.openai_resources import BASE_URL, OpenAiFile, OpenAiJob, metadata
from llmstrat_iac.components.tuning.upload import converted_files, file_sha256
from llmstrat_iac.hookspecs import ProgramContext, ServedModel, Upstream
from llmstrat_iac.tuning import JobState, ResolvedTuning, TuningState

_METHODS = {"supervised": "supervised", "preference": "dpo"}
_HYPERPARAMETERS = {"epochs": "n_epochs"}


def program(
    context: ProgramContext, tuning: ResolvedTuning, state: TuningState, opts: pulumi.ResourceOptions
) -> ServedModel | None:
    """Register the files until the job is completed, and the jobs that matter."""
    assert tuning.credentials is not None, "the loader demands them"
    if state.serving is not None:
        _job(tuning, state.serving.inputs["key"], {}, opts)
    key = state.current.inputs["key"] if state.current else job_key(tuning.identity, state.attempt)
    done = state.current is not None and state.current.state is JobState.COMPLETED
    _job(tuning, key, {} if done else _files(tuning, key, opts), opts)
    served = state.served
    if served is None:
        return None
    base = tuning.base
    return ServedModel(
        model=served.model_id,
        upstream=Upstream(wire="openai", base_url=context.target.upstreams.get("openai", BASE_URL), auth="bearer"),
        usd_per_mtok_input=base.usd_per_mtok_input if base else None,
        usd_per_mtok_output=base.usd_per_mtok_output if base else None,
    )


def _files(tuning: ResolvedTuning, key: str, opts: pulumi.ResourceOptions) -> dict[str, OpenAiFile]:
    assert tuning.credentials is not None, "checked by the caller"
    session = boto3.Session(region_name=tuning.region)
    retained = pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(retain_on_delete=tuning.block.retain_on_destroy)
    )
    return {
        channel: OpenAiFile(
            f"tuning-{key}-{channel}",
            file_name=f"{tuning.stack_name}-{key}-{channel}.jsonl",
            path=str(path),
            sha256=file_sha256(path),
            credentials=tuning.credentials.secret,
            region=tuning.region,
            opts=retained,
        )
        for channel, path in converted_files(tuning, session).items()
    }


def _job(tuning: ResolvedTuning, key: str, files: Mapping[str, OpenAiFile], opts: pulumi.ResourceOptions) -> OpenAiJob:
    assert tuning.credentials is not None, "checked by the caller"
    request: dict[str, Any] = {
        "model": tuning.block.base_model,
        "suffix": tuning.block.suffix or tuning.block.alias,
        "metadata": metadata(tuning.stack_name, key, retained=tuning.block.retain_on_destroy),
        **_method(tuning),
        **{f"{'training' if channel == 'train' else channel}_file": file.id for channel, file in files.items()},
    }
    return OpenAiJob(
        logical_name(key),
        request=request,
        credentials=tuning.credentials.secret,
        region=tuning.region,
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(retain_on_delete=tuning.block.retain_on_destroy)
        ),
    )


def _method(tuning: ResolvedTuning) -> dict[str, Any]:
    values = tuning.hyperparameters.model_dump(mode="json", exclude_none=True)
    seed = {"seed": values.pop("seed")} if "seed" in values else {}
    kind = _METHODS[tuning.block.method]
    named = {_HYPERPARAMETERS.get(name, name): value for name, value in values.items()}
    return {"method": {"type": kind, kind: {"hyperparameters": named}}, **seed}
