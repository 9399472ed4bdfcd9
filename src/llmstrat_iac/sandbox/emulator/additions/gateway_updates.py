"""Two emulator additions that in-place updates of API Gateway need: typed patch operations, and tags that read back.

ministack 1.5.33 stores every patched value as text (`"false"` is then true), doesn't unescape `~1`, overwrites lists
and usage plan stages by text, and keeps changed tags apart from the thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, Addition, Seam, wrap

BOOLEANS = frozenset({
    "apiKeyRequired", "enabled", "disableExecuteApiEndpoint", "insecureSkipVerification", "tracingEnabled",
    "cacheClusterEnabled",
})  # fmt: skip
INTEGERS = frozenset({
    "timeoutInMillis", "authorizerResultTtlInSeconds", "minimumCompressionSize", "burstLimit", "limit", "offset",
})  # fmt: skip
LISTS = frozenset({"binaryMediaTypes", "authorizationScopes", "providerARNs", "cacheKeyParameters"})
Operation = Mapping[str, Any]


def apply_operation(target: dict[str, Any], operation: Operation) -> None:
    """Apply one JSON-patch operation to a thing of API Gateway's, with the types that the API defines."""
    path = [segment.replace("~1", "/").replace("~0", "~") for segment in operation["path"].lstrip("/").split("/")]
    action, value = operation.get("op", "replace"), operation.get("value")
    if path[0] == "apiStages":
        _patch_stages(target, path[1:], action, value)
    elif path[0] in LISTS and len(path) == 2:
        members = [item for item in target.get(path[0]) or [] if item != path[1]]
        target[path[0]] = members if action == "remove" else [*members, path[1]]
    else:
        _patch_value(target, path, action, value)


def _patch_value(target: dict[str, Any], path: list[str], action: str, value: Any) -> None:
    holder: Any = target
    for segment in path[:-1]:
        if not isinstance(holder.get(segment), (dict, list)):
            holder[segment] = {}
        holder = holder[segment]
    last = path[-1]
    if isinstance(holder, list):
        holder[int(last)] = value
    elif action == "remove":
        holder.pop(last, None)
    else:
        holder[last] = _typed(path, value, method="authorizationType" in target)


def _typed(path: list[str], value: Any, *, method: bool) -> Any:
    if path[-1] in BOOLEANS or (method and path[0] == "requestParameters"):
        return str(value).lower() == "true"
    if path[-1] in INTEGERS and value not in (None, ""):
        return int(value)
    return float(value) if path[-1] == "rateLimit" else value


def _patch_stages(plan: dict[str, Any], rest: list[str], action: str, value: Any) -> None:
    stages = plan.setdefault("apiStages", [])
    key = rest[0] if rest else str(value)
    found = next((stage for stage in stages if f"{stage['apiId']}:{stage['stage']}" == key), None)
    if not rest and action == "remove":
        if found:
            stages.remove(found)
    elif not rest:
        if not found:
            api, _, stage = key.partition(":")
            stages.append({"apiId": api, "stage": stage})
    elif found:
        _patch_value(found, rest[1:], action, value)


def _typed_patches(_original: Callable[..., Any]) -> Callable[..., Any]:
    def apply_patch(obj: dict[str, Any], patch_ops: list[Operation]) -> dict[str, Any]:
        for operation in patch_ops:
            if operation.get("path", "").strip("/"):
                apply_operation(obj, operation)
        return obj

    return apply_patch


def _tagged(arn: str) -> dict[str, Any]:
    """The tags of the thing that an ARN names, as its own read shows them."""
    from ministack.services import apigateway_v1 as gateway

    kind, name, *rest = arn.partition("::/")[2].split("/")
    if rest:
        thing = gateway._stages_v1.get(name, {}).get(rest[1])
    else:
        stores = {"restapis": gateway._rest_apis, "apikeys": gateway._api_keys, "usageplans": gateway._usage_plans}
        thing = stores[kind].get(name) if kind in stores else None
    return {} if thing is None else thing.setdefault("tags", {})


def _tag(original: Callable[..., Any]) -> Callable[..., Any]:
    def tag_resource(resource_arn: str, data: Mapping[str, Any]) -> Any:
        response = original(resource_arn, data)
        if response[0] == 204:
            _tagged(resource_arn).update(data.get("tags", {}))
        return response

    return tag_resource


def _untag(original: Callable[..., Any]) -> Callable[..., Any]:
    def untag_resource(resource_arn: str, tag_keys: list[str]) -> Any:
        response = original(resource_arn, tag_keys)
        if response[0] == 204:
            tags = _tagged(resource_arn)
            for key in tag_keys:
                tags.pop(key, None)
        return response

    return untag_resource


def _install_patches() -> None:
    wrap(API_GATEWAY, "_apply_patch", _typed_patches)


def _install_tags() -> None:
    wrap(API_GATEWAY, "_tag_v1_resource", _tag)
    wrap(API_GATEWAY, "_untag_v1_resource", _untag)


ADDITIONS = (
    Addition(
        name="typed-patches",
        why="updates store every value as text, so a disabled key stays enabled and a usage plan loses its stages",
        since="1.5.33",
        before="1.6",
        seams=(Seam(API_GATEWAY, "_apply_patch", ("obj", "patch_ops")),),
        install=_install_patches,
    ),
    Addition(
        name="gateway-tags",
        why="TagResource and UntagResource don't change the tags that GetRestApi, GetApiKey and GetStage answer with",
        since="1.5.33",
        before="1.6",
        seams=(
            Seam(API_GATEWAY, "_tag_v1_resource", ("resource_arn", "data")),
            Seam(API_GATEWAY, "_untag_v1_resource", ("resource_arn", "tag_keys")),
        ),
        install=_install_tags,
    ),
)
