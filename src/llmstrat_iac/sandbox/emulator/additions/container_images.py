"""AWS's registries of deep-learning containers: upstream's ECR only knows the account's own repositories.

Asked for images of another account, it answers for the tags below: a sample that was current in November 2026 by
aws/deep-learning-containers. What isn't in it doesn't exist here, as with a mistyped tag.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam, wrap

_MODULE = "ministack.services.ecr"
_PUSHED = 1_787_000_000
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_TAGS: Mapping[str, tuple[str, ...]] = {
    "vllm": (
        "server-cuda-v1.1", "server-cuda-v2.3", "server-cuda-v2.4", "server-sagemaker-cuda-v1.1",
        "server-sagemaker-cuda-v2.3", "server-sagemaker-cuda-v2.4", "0.27.1-gpu-py312-cu130-ubuntu22.04-ec2",
        "0.27.1-gpu-py312-cu130-ubuntu22.04-sagemaker",
    ),
    "pytorch": (
        "2.13-cu133-amzn2023", "2.13-cu133-amzn2023-sagemaker", "2.13-cpu-amzn2023", "2.13-cpu-amzn2023-sagemaker",
    ),
    "pytorch-training": ("2.10.0-gpu-py313-cu130-ubuntu22.04-sagemaker",),
    "djl-inference": ("0.36.0-lmi28.0.0-cu130",),
}  # fmt: skip
Answer = tuple[int, dict[str, str], bytes]


def _install() -> None:
    wrap(_MODULE, "handle_request", _answer_for_others)


def _answer_for_others(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        from ministack.core.responses import get_account_id

        action = headers.get("x-amz-target", "").rpartition(".")[2]
        asked = json.loads(body or b"{}") if action in _ACTIONS else {}
        if asked.get("registryId") in (None, get_account_id()):
            return await original(method, path, headers, body, query_params)
        return _answer(action, asked)

    return handle_request


def _answer(action: str, asked: Mapping[str, Any]) -> Answer:
    name, registry = asked["repositoryName"], asked["registryId"]
    if name not in _TAGS:
        message = f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
        return _reply(400, {"__type": "RepositoryNotFoundException", "message": message})
    wanted = asked.get("imageIds") or [{"imageTag": tag} for tag in _TAGS[name]]
    found = [tag for item in wanted if (tag := _tag(name, item)) is not None]
    missing = [item for item in wanted if _tag(name, item) is None]
    return _ACTIONS[action](registry, name, found, missing)


def _tag(name: str, identity: Mapping[str, str]) -> str | None:
    digest, tag = identity.get("imageDigest"), identity.get("imageTag")
    if digest is not None:
        return next((known for known in _TAGS[name] if _digest(name, known) == digest), None)
    return tag if tag in _TAGS[name] else None


def _describe(registry: str, name: str, found: list[str], missing: list[Any]) -> Answer:
    if missing:
        message = f"The image with imageId {missing[0]} does not exist within the repository with name '{name}'"
        return _reply(400, {"__type": "ImageNotFoundException", "message": message})
    details = [
        {
            "registryId": registry,
            "repositoryName": name,
            "imageDigest": _digest(name, tag),
            "imageTags": [tag],
            "imagePushedAt": _PUSHED,
            "imageManifestMediaType": _MANIFEST,
        }
        for tag in found
    ]
    return _reply(200, {"imageDetails": details})


def _get(registry: str, name: str, found: list[str], missing: list[Any]) -> Answer:
    images = [
        {
            "registryId": registry,
            "repositoryName": name,
            "imageId": {"imageTag": tag, "imageDigest": _digest(name, tag)},
            "imageManifest": "{}",
            "imageManifestMediaType": _MANIFEST,
        }
        for tag in found
    ]
    reason = "Requested image not found"
    failures = [{"imageId": item, "failureCode": "ImageNotFound", "failureReason": reason} for item in missing]
    return _reply(200, {"images": images, "failures": failures})


def _digest(name: str, tag: str) -> str:
    return f"sha256:{hashlib.sha256(f'{name}:{tag}'.encode()).hexdigest()}"


def _reply(status: int, content: Mapping[str, Any]) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode()


_ACTIONS: Mapping[str, Callable[[str, str, list[str], list[Any]], Answer]] = {
    "DescribeImages": _describe,
    "BatchGetImage": _get,
}

ADDITION = Addition(
    name="container-images",
    why="the registries of AWS's containers are empty",
    since="1.5.33",
    before="1.6",
    seams=(Seam(_MODULE, "handle_request", ("method", "path", "headers", "body", "query_params")),),
    install=_install,
)
