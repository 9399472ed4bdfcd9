"""Emulator additions that make Bedrock's tuning real: bases, jobs over time, deployments, throughput, imports.

ministack 1.5.33 knows no tunable model and no deployment, its jobs stay `InProgress` for ever and make no model, and a
provisioned model points to a foundation model that doesn't exist. Requests that aren't about ours stay upstream's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import BEDROCK, IAM, S3, Addition, Seam, wrap

_HANDLE = Seam(BEDROCK, "handle_request", ("method", "path", "headers", "body", "query_params"))
_READ_OBJECT = Seam(S3, "_get_object_data", ("bucket_name", "key"))
_PUT_OBJECT = Seam(S3, "_put_object", ("bucket_name", "key", "body", "headers"))
_CREATE_ROLE = Seam(IAM, "_create_role", ("p",))


def _answer_first(handlers: Mapping[str, Callable[..., Any]]) -> None:
    """Put our operations before upstream's."""
    from llmstrat_iac.sandbox.emulator.tuning.protocol import RestApi

    ours = RestApi("bedrock", handlers)

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
            answer = ours.answer(method, path, body, query_params or {})
            return answer or await original(method, path, headers, body, query_params)

        return handle_request

    wrap(BEDROCK, "handle_request", around)


def _install_bases() -> None:
    from llmstrat_iac.sandbox.emulator.tuning.bedrock_jobs import BASE_HANDLERS

    _answer_first(BASE_HANDLERS)


def _install_jobs() -> None:
    from llmstrat_iac.sandbox.emulator.tuning.bedrock_jobs import JOB_HANDLERS
    from llmstrat_iac.sandbox.emulator.tuning.bedrock_serving import TAG_HANDLERS

    _answer_first({**JOB_HANDLERS, **TAG_HANDLERS})


def _install_deployments() -> None:
    from llmstrat_iac.sandbox.emulator.tuning.bedrock_serving import DEPLOYMENT_HANDLERS

    _answer_first(DEPLOYMENT_HANDLERS)


def _install_throughput() -> None:
    from llmstrat_iac.sandbox.emulator.tuning.bedrock_serving import THROUGHPUT_HANDLERS

    _answer_first(THROUGHPUT_HANDLERS)


def _install_imports() -> None:
    from llmstrat_iac.sandbox.emulator.tuning.bedrock_imports import IMPORT_HANDLERS

    _answer_first(IMPORT_HANDLERS)


ADDITIONS = (
    Addition(
        name="bedrock-bases",
        why="ListFoundationModels(byCustomizationType=FINE_TUNING) finds nothing, so no base can be checked",
        since="1.5.33",
        before="1.6",
        seams=(_HANDLE,),
        install=_install_bases,
    ),
    Addition(
        name="bedrock-jobs",
        why="customization jobs never end, check nothing and make no custom model",
        since="1.5.33",
        before="1.6",
        seams=(_HANDLE, _READ_OBJECT, _PUT_OBJECT, _CREATE_ROLE),
        install=_install_jobs,
    ),
    Addition(
        name="bedrock-deployments",
        why="custom models can't be deployed for on-demand inference",
        since="1.5.33",
        before="1.6",
        seams=(_HANDLE,),
        install=_install_deployments,
    ),
    Addition(
        name="bedrock-throughput",
        why="a provisioned custom model reads back as a foundation model, and its model can be deleted under it",
        since="1.5.33",
        before="1.6",
        seams=(_HANDLE,),
        install=_install_throughput,
    ),
    Addition(
        name="bedrock-imports",
        why="models imported from S3 turn up at once, whatever is there, and import jobs have no time",
        since="1.5.33",
        before="1.6",
        seams=(_HANDLE, _READ_OBJECT, _CREATE_ROLE),
        install=_install_imports,
    ),
)
