"""The data plane's last steps: which target group by weight, which target by health, and where an instance listens."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import alb

from llmstrat_iac.sandbox.emulator.compute import machines, target_groups
from llmstrat_iac.sandbox.listener import LOOPBACK

_Forward = Callable[..., Any]
_CHANCE = random.Random()  # noqa: S311 - which target answers is no secret
_HTML = {"Content-Type": "text/html"}


def by_weight(original: _Forward) -> _Forward:
    """A forward to several target groups takes one by its weight."""

    async def execute_action(action: Mapping[str, Any], *arguments: Any, **named: Any) -> Any:
        several = list((action.get("ForwardConfig") or {}).get("TargetGroups") or ())
        if len(several) > 1:
            weights = [int(each.get("Weight", 1)) for each in several]
            chosen = _CHANCE.choices(several, weights).pop() if sum(weights) else several[0]
            action = {**action, "TargetGroupArn": chosen["TargetGroupArn"]}
        return await original(action, *arguments, **named)

    return execute_action


def to_the_healthy(original: _Forward) -> _Forward:
    """Healthy targets only; all of them if none is healthy ("fail open").

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """

    async def forward_to_tg(tg_arn: str, *arguments: Any, **named: Any) -> Any:
        group, targets = alb._tgs.get(tg_arn), alb._targets.get(tg_arn) or []
        if group is None or group["TargetType"] != "instance":
            return await original(tg_arn, *arguments, **named)
        if not targets:
            return 503, dict(_HTML), b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
        healthy = [each for each in targets if target_groups.health(group, each)[0] == "healthy"]
        method, path, headers, body, query, raw_query, raw_path = _seven(arguments, named)
        target = _CHANCE.choice(healthy or targets)
        return await alb._proxy_http_target(target, group, method, raw_path or path, headers, body, query, raw_query)

    return forward_to_tg


def _seven(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("method", "path", "headers", "body", "query_params", "raw_query_string", "raw_path")
    given = dict(zip(names, arguments, strict=False)) | dict(named)
    return tuple(given.get(name) for name in names)


def to_the_machine(original: _Forward) -> _Forward:
    """An instance's address is the loopback port of what it runs."""

    async def proxy_http_target(target: Mapping[str, Any], tg: Mapping[str, Any], *arguments: Any, **named: Any) -> Any:
        if not str(target.get("Id", "")).startswith("i-"):
            return await original(target, tg, *arguments, **named)
        port = machines.address_of(target["Id"], int(target.get("Port") or tg.get("Port") or 80))
        if port is None:
            body = json.dumps({"message": f"Target {target['Id']} refused the connection"}).encode()
            return 502, {"Content-Type": "application/json"}, body
        return await original({"Id": LOOPBACK, "Port": port}, tg, *arguments, **named)

    return proxy_http_target
