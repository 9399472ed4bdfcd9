"""The API: a registered target brings its capacity within limits at once; policies are kept, not run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from llmstrat_iac.sandbox.emulator.scaling.capacity import bring_within
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page
from llmstrat_iac.sandbox.jobs import clock

_KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
_POLICY_KINDS = {
    "StepScaling": "StepScalingPolicyConfiguration",
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}
Key = tuple[str, ...]


@dataclass
class Scaling:
    """Targets by their key, policies and actions by key and name, tags by ARN."""

    targets: Any = field(default_factory=AccountRegionScopedDict)
    policies: Any = field(default_factory=AccountRegionScopedDict)
    actions: Any = field(default_factory=AccountRegionScopedDict)
    tags: Any = field(default_factory=AccountRegionScopedDict)


SCALING = Scaling()


def _key(asked: Mapping[str, Any]) -> Key:
    return tuple(asked[name] for name in _KEY)


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def register(asked: Arguments) -> Mapping[str, Any]:
    """Register a target, or change the limits of one."""
    known = SCALING.targets.get(_key(asked))
    if known is None and not {"MinCapacity", "MaxCapacity"} <= asked.keys():
        raise ApiError("ValidationException", "MinCapacity and MaxCapacity are required for a new scalable target.")
    target = {
        "ScalableTargetARN": _arn("application-autoscaling", f"scalable-target/{uuid4().hex[:30]}"),
        "RoleARN": _service_role(asked["ServiceNamespace"]),
        "CreationTime": clock(),
        "SuspendedState": dict.fromkeys(_SUSPENDED, False),
        **(known or {}),
        **{name: value for name, value in asked.items() if name != "Tags" and value is not None},
    }
    if target["MinCapacity"] > target["MaxCapacity"]:
        raise ApiError("ValidationException", "Maximum capacity cannot be less than minimum capacity.")
    bring_within(target)
    SCALING.targets[_key(asked)] = target
    if known is None:
        SCALING.tags[target["ScalableTargetARN"]] = dict(asked.get("Tags") or {})
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def _service_role(namespace: str) -> str:
    role = f"AWSServiceRoleForApplicationAutoScaling_{'SageMakerEndpoint' if namespace == 'sagemaker' else namespace}"
    path = f"aws-service-role/{namespace}.application-autoscaling.amazonaws.com"
    return f"arn:aws:iam::{get_account_id()}:role/{path}/{role}"


def _target(asked: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] | None = SCALING.targets.get(_key(asked))
    if found is None:
        namespace, resource, dimension = _key(asked)
        message = f"No scalable target found for service namespace: {namespace}, resource ID: {resource}, scalable "
        raise ApiError("ObjectNotFoundException", f"{message}dimension: {dimension}")
    return found


def deregister(asked: Arguments) -> Mapping[str, Any]:
    """With its policies and scheduled actions."""
    target = _target(asked)
    for kept in (SCALING.policies, SCALING.actions):
        for key in [key for key in kept if key[:3] == _key(asked)]:
            del kept[key]
    del SCALING.targets[_key(asked)]
    SCALING.tags.pop(target["ScalableTargetARN"], None)
    return {}


def put_policy(asked: Arguments) -> Mapping[str, Any]:
    """Make or replace a policy of a target."""
    _target(asked)
    key = (*_key(asked), asked["PolicyName"])
    known = SCALING.policies.get(key) or {}
    kind = asked.get("PolicyType") or known.get("PolicyType") or "StepScaling"
    if not asked.get(_POLICY_KINDS[kind]):
        raise ApiError("ValidationException", f"{_POLICY_KINDS[kind]} is required for policy type {kind}.")
    resource = f"{asked['ServiceNamespace']}/{asked['ResourceId']}:policyName/{asked['PolicyName']}"
    policy = {
        "PolicyARN": known.get("PolicyARN") or _arn("autoscaling", f"scalingPolicy:{uuid4()}:resource/{resource}"),
        "CreationTime": known.get("CreationTime") or clock(),
        **{name: asked[name] for name in (*_KEY, "PolicyName", _POLICY_KINDS[kind])},
        "PolicyType": kind,
        "Alarms": known.get("Alarms") or (_alarms(asked["ResourceId"]) if kind == "TargetTrackingScaling" else []),
    }
    SCALING.policies[key] = policy
    return {"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}


def _alarms(resource: str) -> list[dict[str, str]]:
    """The names of the alarms that AWS would make; the sandbox has no metrics to watch."""
    names = [f"TargetTracking-{resource}-Alarm{side}-{uuid4()}" for side in ("High", "Low")]
    return [{"AlarmName": name, "AlarmARN": _arn("cloudwatch", f"alarm:{name}")} for name in names]


def put_action(asked: Arguments) -> Mapping[str, Any]:
    """Make or change a scheduled action of a target."""
    _target(asked)
    key = (*_key(asked), asked["ScheduledActionName"])
    known = SCALING.actions.get(key) or {}
    resource = f"{asked['ServiceNamespace']}/{asked['ResourceId']}:scheduledActionName/{asked['ScheduledActionName']}"
    action = {
        "ScheduledActionARN": _arn("autoscaling", f"scheduledAction:{uuid4()}:resource/{resource}"),
        "CreationTime": clock(),
        **known,
        **{name: value for name, value in asked.items() if value is not None},
    }
    if not action.get("Schedule"):
        raise ApiError("ValidationException", "Schedule is required for a new scheduled action.")
    _check_schedule(action)
    SCALING.actions[key] = action
    return {}


def _check_schedule(action: Mapping[str, Any]) -> None:
    from llmstrat_iac.sandbox.emulator.schedules.occasions import target_timing

    try:
        target_timing(action).check()
    except ValueError as error:
        raise ApiError("ValidationException", f"Value at 'schedule' failed to satisfy constraint: {error}") from error


def _delete(kept: Any, asked: Arguments, name: str, what: str) -> Mapping[str, Any]:
    key = (*_key(asked), asked[name])
    if key not in kept:
        raise ApiError("ObjectNotFoundException", f"No {what} found for {asked[name]}.")
    del kept[key]
    return {}


def _describe(kept: Any, asked: Arguments, answer: str, names: str = "", name: str = "") -> Mapping[str, Any]:
    found = [
        item
        for item in kept.values()
        if _wanted(item, asked) and item.get(name) in (asked.get(names) or [item.get(name)])
    ]
    shown, token = page(found, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {answer: shown, "NextToken": token}


def _wanted(item: Mapping[str, Any], asked: Arguments) -> bool:
    resources: Iterable[str] | None = asked.get("ResourceIds")
    if resources and item["ResourceId"] not in resources:
        return False
    return all(asked.get(name) in (None, item[name]) for name in _KEY)


def _tags(asked: Arguments) -> dict[str, str]:
    tags: dict[str, str] | None = SCALING.tags.get(asked["ResourceARN"])
    if tags is None:
        raise ApiError("ResourceNotFoundException", f"The scalable target {asked['ResourceARN']} does not exist.")
    return tags


def tag(asked: Arguments) -> Mapping[str, Any]:
    """Set tags of a target."""
    _tags(asked).update(asked["Tags"])
    return {}


def untag(asked: Arguments) -> Mapping[str, Any]:
    """Remove tags of a target."""
    for key in asked["TagKeys"]:
        _tags(asked).pop(key, None)
    return {}


HANDLERS: Mapping[str, Handler] = {
    "RegisterScalableTarget": register,
    "DeregisterScalableTarget": deregister,
    "DescribeScalableTargets": lambda asked: _describe(SCALING.targets, asked, "ScalableTargets"),
    "PutScalingPolicy": put_policy,
    "DeleteScalingPolicy": lambda asked: _delete(SCALING.policies, asked, "PolicyName", "scaling policy"),
    "DescribeScalingPolicies": lambda asked: _describe(
        SCALING.policies, asked, "ScalingPolicies", "PolicyNames", "PolicyName"
    ),
    "PutScheduledAction": put_action,
    "DeleteScheduledAction": lambda asked: _delete(SCALING.actions, asked, "ScheduledActionName", "scheduled action"),
    "DescribeScheduledActions": lambda asked: _describe(
        SCALING.actions, asked, "ScheduledActions", "ScheduledActionNames", "ScheduledActionName"
    ),
    "DescribeScalingActivities": lambda _asked: {"ScalingActivities": []},
    "TagResource": tag,
    "UntagResource": untag,
    "ListTagsForResource": lambda asked: {"Tags": dict(_tags(asked))},
}
