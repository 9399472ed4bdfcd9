"""SageMaker in the emulator: training jobs and model packages, which ministack doesn't have at all.

Our own small service rather than moto's beside it: moto 5.2.5 can't stop or delete a training job, knows no serverless
customization, and its jobs have no time; and it would be one more process with a second account of everything.
"""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import IAM, S3, Addition, Seam

_TARGET = "SageMaker."


def _install() -> None:
    from ministack import app
    from ministack.core import router

    from llmstrat_iac.sandbox.emulator.tuning import sagemaker_jobs, sagemaker_packages
    from llmstrat_iac.sandbox.emulator.tuning.protocol import JsonApi

    api = JsonApi("sagemaker", {**sagemaker_jobs.HANDLERS, **sagemaker_packages.HANDLERS})

    async def handle_request(_method: str, _path: str, headers: Any, body: bytes, _query_params: Any) -> Any:
        return api.answer(headers.get("x-amz-target", ""), body)

    router.SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": [_TARGET], "credential_scope": "sagemaker"}
    app.SERVICE_HANDLERS["sagemaker"] = handle_request


ADDITION = Addition(
    name="sagemaker",
    why="there is no SageMaker",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam("ministack.core.router", "detect_service", ("method", "path", "headers", "query_params")),
        Seam("ministack.app", "_dispatch_service_request", ("method", "path", "headers", "body", "query_params")),
        Seam(S3, "_get_object_data", ("bucket_name", "key")),
        Seam(S3, "_put_object", ("bucket_name", "key", "body", "headers")),
        Seam(IAM, "_create_role", ("p",)),
    ),
    install=_install,
)
