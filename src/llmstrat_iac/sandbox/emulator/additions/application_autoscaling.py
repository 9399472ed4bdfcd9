"""Application Auto Scaling in the emulator, which ministack doesn't have: the capacities of what SageMaker hosts."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam

_SERVICE = "application-autoscaling"


def _install() -> None:
    from ministack import app
    from ministack.core import router

    from llmstrat_iac.sandbox.emulator.scaling.application_autoscaling import HANDLERS
    from llmstrat_iac.sandbox.emulator.tuning.protocol import JsonApi

    api = JsonApi(_SERVICE, HANDLERS)

    async def handle_request(_method: str, _path: str, headers: Any, body: bytes, _query_params: Any) -> Any:
        return api.answer(headers.get("x-amz-target", ""), body)

    router.SERVICE_PATTERNS[_SERVICE] = {
        "target_prefixes": ["AnyScaleFrontendService."],
        "credential_scope": _SERVICE,
    }
    app.SERVICE_HANDLERS[_SERVICE] = handle_request


ADDITION = Addition(
    name=_SERVICE,
    why="there is no Application Auto Scaling",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam("ministack.core.router", "detect_service", ("method", "path", "headers", "query_params")),
        Seam("ministack.app", "_dispatch_service_request", ("method", "path", "headers", "body", "query_params")),
    ),
    install=_install,
)
