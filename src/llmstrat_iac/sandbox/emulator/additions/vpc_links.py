"""VPC links V2 of API Gateway: create, read, rename, tag, delete. They become available after a moment, as on AWS.

Until it is deleted a link holds an interface in each of its subnets, so that neither they nor its security groups can
go. What goes through links is `private_integration`'s.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam, wrap

API_GATEWAY_V2 = "ministack.services.apigateway"
_PENDING_SECONDS = 0.3
_ALPHABET = string.ascii_lowercase + string.digits
Json = dict[str, Any]
_stores: list[Any] = []


def links() -> Any:
    """The links of the request's account and region, by id."""
    from ministack.core.responses import AccountRegionScopedDict

    if not _stores:
        _stores.append(AccountRegionScopedDict())
    return _stores[0]


def _install() -> None:
    wrap(API_GATEWAY_V2, "handle_request", _answer_first)
    wrap(API_GATEWAY_V2, "_get_tags", _get_tags)
    wrap(API_GATEWAY_V2, "_tag_resource", _tag)
    wrap(API_GATEWAY_V2, "_untag_resource", _untag)


def _answer_first(original: Callable[..., Any]) -> Callable[..., Any]:
    from llmstrat_iac.sandbox.emulator.tuning.protocol import RestApi

    handlers = {
        "CreateVpcLink": _create,
        "GetVpcLink": _get,
        "GetVpcLinks": _list,
        "UpdateVpcLink": _update,
        "DeleteVpcLink": _delete,
    }
    ours = RestApi("apigatewayv2", handlers)

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        answer = ours.answer(method, path, body, query_params or {})
        return answer or await original(method, path, headers, body, query_params)

    return handle_request


def _create(arguments: Json) -> Json:
    from llmstrat_iac.sandbox.emulator.compute import interfaces
    from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError

    identity = "".join(secrets.choice(_ALPHABET) for _ in range(6))
    subnets, groups = arguments["subnetIds"], arguments.get("securityGroupIds", [])
    if not subnets:
        raise ApiError("BadRequestException", "At least one subnet must be specified")
    held: list[str] = []
    try:
        for subnet in subnets:
            made = interfaces.add(subnet, groups, description=f"VPC Link Interface [{identity}]")
            held.append(made["NetworkInterfaceId"])
    except ApiError as error:
        interfaces.remove(held)
        raise ApiError("BadRequestException", error.message) from None
    links()[identity] = {
        "vpcLinkId": identity,
        "name": arguments["name"],
        "subnetIds": subnets,
        "securityGroupIds": groups,
        "tags": arguments.get("tags", {}),
        "createdDate": datetime.now(UTC).isoformat(timespec="seconds"),
        "vpcLinkVersion": "V2",
        "_made": time.monotonic(),
        "_interfaces": held,
    }
    return _shown(links()[identity])


def _get(arguments: Json) -> Json:
    return _shown(_find(arguments["vpcLinkId"]))


def _list(_arguments: Json) -> Json:
    return {"items": [_shown(link) for link in links().values()]}


def _update(arguments: Json) -> Json:
    link = _find(arguments["vpcLinkId"])
    link["name"] = arguments.get("name", link["name"])
    return _shown(link)


def _delete(arguments: Json) -> Json:
    from llmstrat_iac.sandbox.emulator.compute import interfaces

    interfaces.remove(_find(arguments["vpcLinkId"])["_interfaces"])
    del links()[arguments["vpcLinkId"]]
    return {}


def _find(identity: str) -> Json:
    from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError

    link: Json | None = links().get(identity)
    if link is None:
        raise ApiError("NotFoundException", f"Unable to find Vpc Link with id {identity}", 404)
    return link


def _shown(link: Mapping[str, Any]) -> Json:
    status = "AVAILABLE" if is_available(link) else "PENDING"
    return {**{name: value for name, value in link.items() if not name.startswith("_")}, "vpcLinkStatus": status}


def is_available(link: Mapping[str, Any]) -> bool:
    """Whether the link carries requests."""
    made: float = link["_made"]
    return time.monotonic() - made >= _PENDING_SECONDS


def _tags_of(resource_arn: str) -> dict[str, str] | None:
    """A link's tags; None for any other resource."""
    _, found, identity = resource_arn.partition("::/vpclinks/")
    tags: dict[str, str] | None = (links().get(identity) or {}).get("tags") if found else None
    return tags


def _get_tags(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_tags(resource_arn: str) -> Any:
        from ministack.services import apigateway

        tags = _tags_of(resource_arn)
        return original(resource_arn) if tags is None else apigateway._apigw_response({"tags": tags})

    return get_tags


def _tag(original: Callable[..., Any]) -> Callable[..., Any]:
    def tag_resource(resource_arn: str, data: Mapping[str, Any]) -> Any:
        tags = _tags_of(resource_arn)
        if tags is None:
            return original(resource_arn, data)
        tags.update(data.get("tags", {}))
        return 201, {}, b"{}"

    return tag_resource


def _untag(original: Callable[..., Any]) -> Callable[..., Any]:
    def untag_resource(resource_arn: str, tag_keys: list[str]) -> Any:
        tags = _tags_of(resource_arn)
        if tags is None:
            return original(resource_arn, tag_keys)
        for key in tag_keys:
            tags.pop(key, None)
        return 204, {}, b""

    return untag_resource


ADDITION = Addition(
    name="vpc-links",
    why="there are no VPC links",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(API_GATEWAY_V2, "handle_request", ("method", "path", "headers", "body", "query_params")),
        Seam(API_GATEWAY_V2, "_get_tags", ("resource_arn",)),
        Seam(API_GATEWAY_V2, "_tag_resource", ("resource_arn", "data")),
        Seam(API_GATEWAY_V2, "_untag_resource", ("resource_arn", "tag_keys")),
    ),
    install=_install,
)
