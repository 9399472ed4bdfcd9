"""FSx in the emulator, which ministack doesn't have: file systems for Lustre that take their time, and links to S3."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.emulator.additions.compute import EC2
from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam


def _install() -> None:
    from ministack import app
    from ministack.core import router

    from llmstrat_iac.sandbox.emulator.lustre import associations, file_systems
    from llmstrat_iac.sandbox.emulator.tuning.protocol import JsonApi

    api = JsonApi("fsx", {**file_systems.HANDLERS, **associations.HANDLERS})

    async def handle_request(_method: str, _path: str, headers: Any, body: bytes, _query_params: Any) -> Any:
        return api.answer(headers.get("x-amz-target", ""), body)

    router.SERVICE_PATTERNS["fsx"] = {"target_prefixes": ["AWSSimbaAPIService_v20180301."], "credential_scope": "fsx"}
    app.SERVICE_HANDLERS["fsx"] = handle_request


ADDITION = Addition(
    name="fsx",
    why="there is no FSx",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam("ministack.core.router", "detect_service", ("method", "path", "headers", "query_params")),
        Seam("ministack.app", "_dispatch_service_request", ("method", "path", "headers", "body", "query_params")),
        Seam(EC2, "_random_ip", ("prefix",)),
    ),
    install=_install,
)
