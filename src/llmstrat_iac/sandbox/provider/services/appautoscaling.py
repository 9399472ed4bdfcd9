"""Application Auto Scaling: targets, policies and scheduled actions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.sandbox.provider.faults import ResourceError, is_not_found
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import answer, camel, pascal, request, tag_delta, timestamp
from llmstrat_iac.sandbox.provider.values import Props

_GONE = "ObjectNotFoundException"
KEY = {"ServiceNamespace": "serviceNamespace", "ResourceId": "resourceId", "ScalableDimension": "scalableDimension"}
LIMITS = {"MinCapacity": "minCapacity", "MaxCapacity": "maxCapacity", "RoleARN": "roleArn"}
CONFIGURATIONS = {
    "StepScalingPolicyConfiguration": "stepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration": "targetTrackingScalingPolicyConfiguration",
    "PredictiveScalingPolicyConfiguration": "predictiveScalingPolicyConfiguration",
}
# Numbers that the provider has as text.
_TEXTS = {"MetricIntervalLowerBound", "MetricIntervalUpperBound"}


def _client(call: Call) -> Any:
    return call.client("application-autoscaling")


@resource("aws:appautoscaling/target:Target")
class Target(Resource):
    def create(self, call: Call, args: Props) -> str:
        _client(call).register_scalable_target(**self._request(args), Tags=args.get("tagsAll") or {})
        return str(args["resourceId"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client, key = _client(call), request(state, KEY)
        found = client.describe_scalable_targets(
            ServiceNamespace=key["ServiceNamespace"], ResourceIds=[rid], ScalableDimension=key["ScalableDimension"]
        )["ScalableTargets"]
        if not found:
            return None
        arn = found[0]["ScalableTargetARN"]
        return {
            **answer(found[0], {**KEY, **LIMITS}),
            "suspendedState": camel(found[0].get("SuspendedState")),
            "arn": arn,
            "tagsAll": client.list_tags_for_resource(ResourceARN=arn).get("Tags") or {},
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = _client(call)
        client.register_scalable_target(**self._request(new))
        added, removed = tag_delta(old, new)
        if added:
            client.tag_resource(ResourceARN=old["arn"], Tags=added)
        if removed:
            client.untag_resource(ResourceARN=old["arn"], TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        try:
            _client(call).deregister_scalable_target(**request(state, KEY))
        except Exception as error:
            if not is_not_found(error, _GONE):
                raise

    def identify(self, state: Props, rid: str) -> str:
        """`namespace/resource id/dimension`, where the resource id has slashes of its own."""
        namespace, *resource, dimension = rid.split("/")
        state |= {"serviceNamespace": namespace, "resourceId": "/".join(resource), "scalableDimension": dimension}
        return str(state["resourceId"])

    def _request(self, args: Props) -> Props:
        suspended = {"SuspendedState": pascal(args["suspendedState"])} if args.get("suspendedState") else {}
        return {**request(args, {**KEY, **LIMITS}), **suspended}


@resource("aws:appautoscaling/policy:Policy")
class Policy(Resource):
    """Its id is its name; the target's parts come from the state."""

    def create(self, call: Call, args: Props) -> str:
        blocks = {api: _numbers(pascal(args[prop])) for api, prop in CONFIGURATIONS.items() if args.get(prop)}
        _client(call).put_scaling_policy(
            **request(args, {**KEY, "PolicyName": "name", "PolicyType": "policyType"}), **blocks
        )
        return str(args["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = _client(call).describe_scaling_policies(PolicyNames=[rid], **request(state, KEY))["ScalingPolicies"]
        if not found:
            return None
        policy = found[0]
        return {
            **answer(policy, {**KEY, "PolicyName": "name", "PolicyType": "policyType", "PolicyARN": "arn"}),
            **{prop: camel(_texts(policy.get(api))) for api, prop in CONFIGURATIONS.items()},
            "alarmArns": [alarm["AlarmARN"] for alarm in policy.get("Alarms") or ()],
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def identify(self, state: Props, rid: str) -> str:
        """`namespace/resource id/dimension/name`, where the resource id has slashes of its own."""
        namespace, *resource, dimension, name = rid.split("/")
        state |= {"serviceNamespace": namespace, "resourceId": "/".join(resource), "scalableDimension": dimension}
        return name

    def delete(self, call: Call, rid: str, state: Props) -> None:
        try:
            _client(call).delete_scaling_policy(PolicyName=rid, **request(state, KEY))
        except Exception as error:
            if not is_not_found(error, _GONE):
                raise


@resource("aws:appautoscaling/scheduledAction:ScheduledAction")
class ScheduledAction(Resource):
    def create(self, call: Call, args: Props) -> str:
        self._put(call, args)
        return f"{args['name']}-{args['serviceNamespace']}-{args['resourceId']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = _client(call).describe_scheduled_actions(ScheduledActionNames=[state["name"]], **request(state, KEY))[
            "ScheduledActions"
        ]
        if not found:
            return None
        return {
            **answer(found[0], {**KEY, "ScheduledActionName": "name", "Schedule": "schedule", "Timezone": "timezone"}),
            "scalableTargetAction": camel(found[0].get("ScalableTargetAction")),
            "startTime": _utc(found[0].get("StartTime")),
            "endTime": _utc(found[0].get("EndTime")),
            "arn": found[0]["ScheduledActionARN"],
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self._put(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        try:
            _client(call).delete_scheduled_action(ScheduledActionName=state["name"], **request(state, KEY))
        except Exception as error:
            if not is_not_found(error, _GONE):
                raise

    def identify(self, state: Props, rid: str) -> str:
        raise ResourceError("a scheduled action can't be imported")

    def _put(self, call: Call, args: Props) -> None:
        names = {**KEY, "ScheduledActionName": "name", "Schedule": "schedule", "Timezone": "timezone"}
        times = {
            api: datetime.fromisoformat(args[prop])
            for api, prop in {"StartTime": "startTime", "EndTime": "endTime"}.items()
            if args.get(prop)
        }
        _client(call).put_scheduled_action(
            **request(args, names), ScalableTargetAction=pascal(args["scalableTargetAction"]), **times
        )


def _utc(moment: Any) -> str | None:
    return timestamp(moment.astimezone(UTC)) if isinstance(moment, datetime) else None


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: float(item) if key in _TEXTS else _numbers(item) for key, item in value.items()}
    return [_numbers(item) for item in value] if isinstance(value, list) else value


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: f"{item:g}" if key in _TEXTS else _texts(item) for key, item in value.items()}
    return [_texts(item) for item in value] if isinstance(value, list) else value
