"""SageMaker in the emulator: training jobs and plans, model packages, hosting, clusters; ministack has none of it.

Our own small service rather than moto's beside it: moto 5.2.5 can't stop or delete a training job, knows no serverless
customization, and its jobs have no time; and it would be one more process with a second account of everything.
"""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import IAM, S3, Addition, Seam

_TARGET = "SageMaker."
_LOGS = "ministack.services.cloudwatch_logs"


def _install() -> None:
    from ministack import app
    from ministack.core import router

    from llmstrat_iac.sandbox.emulator.clusters import operations as clusters
    from llmstrat_iac.sandbox.emulator.hosting import components, endpoints, models, runtime
    from llmstrat_iac.sandbox.emulator.training_plans import operations as plans
    from llmstrat_iac.sandbox.emulator.tuning import sagemaker_jobs, sagemaker_packages
    from llmstrat_iac.sandbox.emulator.tuning.protocol import JsonApi

    modules = (sagemaker_jobs, sagemaker_packages, models, endpoints, components, clusters, plans)
    api = JsonApi("sagemaker", {name: handler for module in modules for name, handler in module.HANDLERS.items()})

    async def handle_request(_method: str, path: str, headers: Any, body: bytes, _query_params: Any) -> Any:
        # The runtime signs as `sagemaker`, too; only its paths tell it from the control plane.
        if runtime.is_invocation(path):
            return await runtime.handle_request(path, headers, body)
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
        Seam("ministack.core.responses", "StreamingResponse", ("runner",)),
        Seam(S3, "_get_object_data", ("bucket_name", "key")),
        Seam(S3, "_put_object", ("bucket_name", "key", "body", "headers")),
        Seam(IAM, "_create_role", ("p",)),
        Seam("ministack.services.ec2", "_az_id_for_zone_name", ("zone_name",)),
        *(Seam(_LOGS, name, ("data",)) for name in ("_create_log_group", "_create_log_stream", "_put_log_events")),
    ),
    install=_install,
)
