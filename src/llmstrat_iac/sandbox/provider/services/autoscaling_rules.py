"""What changes an Auto Scaling group: policies, schedules, and hooks that hold its instances."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.autoscaling import HOOK
from llmstrat_iac.sandbox.provider.services.autoscaling_shapes import tracking, tracking_block
from llmstrat_iac.sandbox.provider.services.shapes import request, timestamp
from llmstrat_iac.sandbox.provider.values import Props

POLICY = {
    "PolicyType": "policyType", "AdjustmentType": "adjustmentType", "Cooldown": "cooldown", "Enabled": "enabled",
    "EstimatedInstanceWarmup": "estimatedInstanceWarmup", "MetricAggregationType": "metricAggregationType",
    "MinAdjustmentMagnitude": "minAdjustmentMagnitude", "ScalingAdjustment": "scalingAdjustment",
}  # fmt: skip
BOUNDS = {
    "MetricIntervalLowerBound": "metricIntervalLowerBound",
    "MetricIntervalUpperBound": "metricIntervalUpperBound",
}
SIZES = {"MinSize": "minSize", "MaxSize": "maxSize", "DesiredCapacity": "desiredCapacity"}
# "Leave it as it is", in a schedule.
UNCHANGED = -1


@resource("aws:autoscaling/policy:Policy")
class Policy(Resource):
    def create(self, call: Call, args: Props) -> str:
        options = request(args, POLICY)
        if args.get("stepAdjustments"):
            options["StepAdjustments"] = [_step(each) for each in args["stepAdjustments"]]
        if args.get("targetTrackingConfiguration"):
            options["TargetTrackingConfiguration"] = tracking(args["targetTrackingConfiguration"])
        call.client("autoscaling").put_scaling_policy(
            AutoScalingGroupName=args["autoscalingGroupName"], PolicyName=args["name"], **options
        )
        return str(args["name"])

    def identify(self, state: Props, rid: str) -> str:
        return str(state["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        group = state["autoscalingGroupName"]
        pages = call.client("autoscaling").get_paginator("describe_policies").paginate(AutoScalingGroupName=group)
        found = next((each for page in pages for each in page["ScalingPolicies"] if each["PolicyName"] == rid), None)
        if found is None:
            return None
        return {
            **{prop: found.get(api) for api, prop in POLICY.items()},
            "arn": found["PolicyARN"],
            "name": rid,
            "autoscalingGroupName": group,
            "stepAdjustments": [_step_block(each) for each in found.get("StepAdjustments") or ()],
            "targetTrackingConfiguration": tracking_block(found.get("TargetTrackingConfiguration")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("autoscaling").delete_policy(AutoScalingGroupName=state["autoscalingGroupName"], PolicyName=rid)


def _step(block: Props) -> Props:
    bounds = {api: float(block[prop]) for api, prop in BOUNDS.items() if block.get(prop) not in (None, "")}
    return {"ScalingAdjustment": block["scalingAdjustment"], **bounds}


def _step_block(found: Props) -> Props:
    bounds = {prop: f"{found[api]:g}" for api, prop in BOUNDS.items() if found.get(api) is not None}
    return {"scalingAdjustment": found["ScalingAdjustment"], **bounds}


@resource("aws:autoscaling/schedule:Schedule")
class Schedule(Resource):
    def create(self, call: Call, args: Props) -> str:
        options = request(args, {"Recurrence": "recurrence", "TimeZone": "timeZone"})
        options |= {api: args[prop] for api, prop in SIZES.items() if args.get(prop) not in (None, UNCHANGED)}
        for api, prop in {"StartTime": "startTime", "EndTime": "endTime"}.items():
            if args.get(prop):
                options[api] = datetime.fromisoformat(args[prop])
        call.client("autoscaling").put_scheduled_update_group_action(
            AutoScalingGroupName=args["autoscalingGroupName"],
            ScheduledActionName=args["scheduledActionName"],
            **options,
        )
        return str(args["scheduledActionName"])

    def identify(self, state: Props, rid: str) -> str:
        return str(state["scheduledActionName"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        group = state["autoscalingGroupName"]
        answer = call.client("autoscaling").describe_scheduled_actions(AutoScalingGroupName=group)
        actions: list[Any] = answer["ScheduledUpdateGroupActions"]
        found = next((each for each in actions if each["ScheduledActionName"] == rid), None)
        if found is None:
            return None
        return {
            **{prop: found.get(api, UNCHANGED) for api, prop in SIZES.items()},
            "arn": found["ScheduledActionARN"],
            "scheduledActionName": rid,
            "autoscalingGroupName": group,
            "recurrence": found.get("Recurrence") or "",
            "timeZone": found.get("TimeZone") or "",
            "startTime": timestamp(found.get("StartTime")) or "",
            "endTime": timestamp(found.get("EndTime")) or "",
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("autoscaling").delete_scheduled_action(
            AutoScalingGroupName=state["autoscalingGroupName"], ScheduledActionName=rid
        )


@resource("aws:autoscaling/lifecycleHook:LifecycleHook")
class LifecycleHook(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("autoscaling").put_lifecycle_hook(
            AutoScalingGroupName=args["autoscalingGroupName"], **request(args, HOOK)
        )
        return str(args["name"])

    def identify(self, state: Props, rid: str) -> str:
        return str(state["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        group = state["autoscalingGroupName"]
        client = call.client("autoscaling")
        if not client.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]:
            return None
        answer = client.describe_lifecycle_hooks(AutoScalingGroupName=group, LifecycleHookNames=[rid])
        if not answer["LifecycleHooks"]:
            return None
        found = answer["LifecycleHooks"][0]
        return {**{prop: found.get(api) for api, prop in HOOK.items()}, "autoscalingGroupName": group}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("autoscaling").delete_lifecycle_hook(
            AutoScalingGroupName=state["autoscalingGroupName"], LifecycleHookName=rid
        )
