"""Target groups whose targets' health is what they really answer, and which go only when no rule forwards to them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import alb, ec2

from llmstrat_iac.sandbox.emulator.compute.elb_records import arn, attribute_list, check_name
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

Record = dict[str, Any]
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300", "stickiness.enabled": "false", "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400", "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400", "slow_start.duration_seconds": "0",
    "load_balancing.algorithm.type": "round_robin", "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}  # fmt: skip
_CHECKS = {
    "HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port", "HealthCheckEnabled": True,
    "HealthCheckPath": "/", "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2,
}  # fmt: skip
_DESCRIPTIONS = {
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Target.FailedHealthChecks": "Health checks failed",
    "Target.InvalidState": "Target is in the stopped state",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
}

Answers = Callable[[str, str], int | None]
"""(instance id, target group ARN) to the HTTP status of its last health check; None if it doesn't answer."""
_answers: list[Answers] = []


def watch(answers: Answers) -> None:
    """Say who knows what instances answer."""
    _answers[:] = [answers]


def create_group(asked: Arguments) -> Mapping[str, Any]:
    """CreateTargetGroup."""
    name, kind = asked["Name"], asked.get("TargetType") or "instance"
    check_name(name, "target group")
    if any(each["TargetGroupName"] == name for each in alb._tgs.values()):
        raise ApiError("DuplicateTargetGroupName", f"A target group with the same name '{name}' exists")
    if kind != "lambda" and asked.get("VpcId") not in ec2._vpcs:
        raise ApiError("ValidationError", f"The VPC ID '{asked.get('VpcId')}' is not found")
    group = arn(f"targetgroup/{name}/{secrets.token_hex(8)}")
    record: Record = {
        **_CHECKS,
        **{key: value for key, value in asked.items() if key not in ("Name", "Tags")},
        "TargetGroupArn": group,
        "TargetGroupName": name,
        "TargetType": kind,
        "Matcher": asked.get("Matcher") or {"HttpCode": "200"},
        "LoadBalancerArns": [],
    }
    if kind != "lambda":
        record |= {
            "Protocol": asked.get("Protocol") or "HTTP",
            "ProtocolVersion": asked.get("ProtocolVersion") or "HTTP1",
        }
        record |= {"IpAddressType": asked.get("IpAddressType") or "ipv4", "Port": int(asked.get("Port") or 80)}
    _check(record)
    alb._tgs[group] = record
    alb._targets[group] = []
    alb._tags[group] = list(asked.get("Tags") or ())
    alb._tg_attrs[group] = attribute_list(_ATTRIBUTES)
    return {"TargetGroups": [_shown(record)]}


def _check(record: Record) -> None:
    interval, timeout = int(record["HealthCheckIntervalSeconds"]), int(record["HealthCheckTimeoutSeconds"])
    if not 5 <= interval <= 300 or not 2 <= timeout <= 120:
        raise ApiError("ValidationError", "Health check interval must be 5 to 300 seconds and timeout 2 to 120 seconds")
    if timeout >= interval:
        raise ApiError(
            "ValidationError", f"Health check timeout '{timeout}' must be smaller than interval '{interval}'"
        )


def _users(group: str) -> set[str]:
    """The load balancers that forward to a group."""
    listeners = {key: each["LoadBalancerArn"] for key, each in alb._listeners.items()}
    return {
        listeners[rule["ListenerArn"]]
        for rule in alb._rules.values()
        if rule["ListenerArn"] in listeners and any(group in _forwards(action) for action in rule["Actions"])
    }


def _forwards(action: Mapping[str, Any]) -> set[str]:
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    return {action.get("TargetGroupArn") or "", *(each["TargetGroupArn"] for each in several)}


def _shown(record: Record) -> Record:
    return {**record, "LoadBalancerArns": sorted(_users(record["TargetGroupArn"]))}


def _group(group: str) -> Record:
    found: Record | None = alb._tgs.get(group)
    if found is None:
        raise ApiError("TargetGroupNotFound", f"Target groups '{group}' not found")
    return found


def describe_groups(asked: Arguments) -> Mapping[str, Any]:
    """DescribeTargetGroups."""
    arns, names, balancer = asked.get("TargetGroupArns") or (), asked.get("Names") or (), asked.get("LoadBalancerArn")
    for group in arns:
        _group(group)
    shown = [
        _shown(each)
        for each in alb._tgs.values()
        if (not arns or each["TargetGroupArn"] in arns) and (not names or each["TargetGroupName"] in names)
    ]
    if names and not shown:
        raise ApiError("TargetGroupNotFound", "One or more target groups not found")
    return {"TargetGroups": [each for each in shown if not balancer or balancer in each["LoadBalancerArns"]]}


def modify_group(asked: Arguments) -> Mapping[str, Any]:
    """ModifyTargetGroup."""
    record = _group(asked["TargetGroupArn"])
    changed = {**record, **{key: value for key, value in asked.items() if value is not None}}
    _check(changed)
    record |= changed
    return {"TargetGroups": [_shown(record)]}


def delete_group(asked: Arguments) -> Mapping[str, Any]:
    """DeleteTargetGroup; not while a listener or rule forwards to it."""
    group = asked["TargetGroupArn"]
    if group not in alb._tgs:
        return {}
    if _users(group):
        raise ApiError("ResourceInUse", f"Target group '{group}' is currently in use by a listener or a rule")
    for store in (alb._tgs, alb._targets, alb._tg_attrs, alb._tags):
        store.pop(group, None)
    return {}


def register(asked: Arguments) -> Mapping[str, Any]:
    """RegisterTargets."""
    record = _group(asked["TargetGroupArn"])
    for target in asked["Targets"]:
        if record["TargetType"] == "instance":
            _check_instance(target["Id"], record)
        add_target(record["TargetGroupArn"], target["Id"], target.get("Port"))
    return {}


def _check_instance(instance_id: str, group: Record) -> None:
    record = ec2._instances.get(instance_id)
    if record is None:
        raise ApiError("InvalidTarget", f"The following targets are not valid instances: '{instance_id}'")
    if record["State"]["Name"] != "running":
        raise ApiError("InvalidTarget", f"The following targets are not in a running state: '{instance_id}'")
    if record["VpcId"] != group["VpcId"]:
        raise ApiError("InvalidTarget", f"The following targets are not in the target group VPC: '{instance_id}'")


def add_target(group: str, target_id: str, port: int | None = None) -> None:
    """Put a target into a group; the same one twice is one."""
    if group not in alb._tgs:
        return
    port = port or alb._tgs[group].get("Port")
    targets = alb._targets.setdefault(group, [])
    if not any(each["Id"] == target_id and each.get("Port") == port for each in targets):
        targets.append({"Id": target_id, **({"Port": port} if port else {}), "_since": time.monotonic()})


def deregister(asked: Arguments) -> Mapping[str, Any]:
    """DeregisterTargets, at once: the sandbox's connections aren't drained."""
    record = _group(asked["TargetGroupArn"])
    for target in asked["Targets"]:
        remove_target(record["TargetGroupArn"], target["Id"], target.get("Port"))
    return {}


def remove_target(group: str, target_id: str, port: int | None = None) -> None:
    """Take a target out of a group, at one port or at all."""
    kept = [
        each
        for each in alb._targets.get(group) or ()
        if each["Id"] != target_id or (port is not None and each.get("Port") != port)
    ]
    if group in alb._tgs:
        alb._targets[group] = kept


def describe_health(asked: Arguments) -> Mapping[str, Any]:
    """DescribeTargetHealth."""
    record = _group(asked["TargetGroupArn"])
    wanted = {each["Id"] for each in asked.get("Targets") or ()}
    shown = []
    for target in alb._targets.get(record["TargetGroupArn"]) or ():
        if wanted and target["Id"] not in wanted:
            continue
        state, reason, port = *health(record, target), record["HealthCheckPort"]
        told = {"State": state, "Reason": reason, "Description": _DESCRIPTIONS.get(reason or "")}
        known = {key: value for key, value in target.items() if not key.startswith("_")}
        checked = str(target.get("Port")) if port == "traffic-port" else str(port)
        shown.append({"Target": known, "HealthCheckPort": checked, "TargetHealth": told})
    return {"TargetHealthDescriptions": shown}


def health(group: Mapping[str, Any], target: Mapping[str, Any]) -> tuple[str, str | None]:
    """State and reason of a target. Targets that aren't instances are upstream's business: healthy."""
    if group["TargetType"] != "instance" or not str(target["Id"]).startswith("i-"):
        return "healthy", None
    if not _users(group["TargetGroupArn"]):
        return "unused", "Target.NotInUse"
    record = ec2._instances.get(target["Id"])
    if record is None or record["State"]["Name"] != "running":
        return "unused", "Target.InvalidState"
    status = next((answers(target["Id"], group["TargetGroupArn"]) for answers in _answers), None)
    if status is not None and _matches(status, str(group["Matcher"].get("HttpCode") or "200")):
        return "healthy", None
    # ELB calls a target unhealthy once so many checks have failed; until then it hasn't decided.
    patience = int(group["UnhealthyThresholdCount"]) * int(group["HealthCheckIntervalSeconds"])
    if time.monotonic() - float(target.get("_since") or 0) < patience:
        return "initial", "Elb.InitialHealthChecking"
    return "unhealthy", "Target.FailedHealthChecks"


def _matches(status: int, matcher: str) -> bool:
    """`200`, `200,204` or `200-299`."""
    for part in matcher.split(","):
        low, _, high = part.partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False
