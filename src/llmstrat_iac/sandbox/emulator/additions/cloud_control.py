"""Cloud Control that makes things: upstream keeps any document under any type's name, and nothing comes of it.

Requests about the types of `cloud_control/types.py` are answered here; all others stay upstream's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam, wrap

_MODULE = "ministack.services.cloudcontrol"


def _install() -> None:
    from llmstrat_iac.sandbox.emulator.cloud_control.api import HANDLERS
    from llmstrat_iac.sandbox.emulator.tuning.protocol import JsonApi, PassOnError

    api = JsonApi("cloudcontrol", HANDLERS)

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
            target = headers.get("x-amz-target", "")
            if target.partition(".")[2] in HANDLERS:
                try:
                    return api.answer(target, body)
                except PassOnError:
                    pass
            return await original(method, path, headers, body, query_params)

        return handle_request

    wrap(_MODULE, "handle_request", around)


ADDITION = Addition(
    name="cloud-control",
    why="a resource is a document without a life: an inference component isn't on its endpoint",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(_MODULE, "handle_request", ("method", "path", "headers", "body", "query_params")),
        Seam(_MODULE, "_apply_json_patch", ("doc", "operations")),
    ),
    install=_install,
)
