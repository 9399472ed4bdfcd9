"""Auto Scaling groups: their instances, what they are attached to, and waiting until they have what was asked."""

from __future__ import annotations

import re
import time
from typing import Any

from llmstrat_iac.sandbox.provider.faults import ResourceError
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.autoscaling_shapes import (
    instance_policy,
    mixed_policy,
    mixed_policy_block,
    refresh_preferences,
)
from llmstrat_iac.sandbox.provider.services.shapes import camel, changed, pascal, request
from llmstrat_iac.sandbox.provider.services.waiting import POLL_SECONDS
from llmstrat_iac.sandbox.provider.values import Props

PLAIN = {
    "MinSize": "minSize", "MaxSize": "maxSize", "DesiredCapacity": "desiredCapacity",
    "DefaultCooldown": "defaultCooldown", "DefaultInstanceWarmup": "defaultInstanceWarmup",
    "HealthCheckType": "healthCheckType", "HealthCheckGracePeriod": "healthCheckGracePeriod",
    "CapacityRebalance": "capacityRebalance", "Context": "context", "DesiredCapacityType": "desiredCapacityType",
    "LaunchConfigurationName": "launchConfiguration", "MaxInstanceLifetime": "maxInstanceLifetime",
    "NewInstancesProtectedFromScaleIn": "protectFromScaleIn", "PlacementGroup": "placementGroup",
    "ServiceLinkedRoleARN": "serviceLinkedRoleArn", "TerminationPolicies": "terminationPolicies",
    "AvailabilityZones": "availabilityZones",
}  # fmt: skip
TEMPLATE = {"LaunchTemplateId": "id", "LaunchTemplateName": "name", "Version": "version"}
HOOK = {
    "LifecycleHookName": "name", "LifecycleTransition": "lifecycleTransition", "DefaultResult": "defaultResult",
    "HeartbeatTimeout": "heartbeatTimeout", "NotificationMetadata": "notificationMetadata",
    "NotificationTargetARN": "notificationTargetArn", "RoleARN": "roleArn",
}  # fmt: skip
REFRESHING = ("launchTemplate", "mixedInstancesPolicy", "launchConfiguration")
_UNITS = {"h": 3600, "m": 60, "s": 1}


@resource("aws:autoscaling/group:Group")
class Group(Resource):
    def create(self, call: Call, args: Props) -> str:
        client, name = call.client("autoscaling"), str(args["name"])
        options = _options(args)
        hooks = [request(each, HOOK) for each in args.get("initialLifecycleHooks") or ()]
        client.create_auto_scaling_group(
            AutoScalingGroupName=name,
            **options,
            Tags=_tags(args, name),
            **request(args, {"TargetGroupARNs": "targetGroupArns"}),
            **({"LifecycleHookSpecificationList": hooks} if hooks else {}),
        )
        call.created_id = name
        _collect_metrics(client, name, {}, args)
        _suspend(client, name, {}, args)
        _await_capacity(call, name, args)
        return name

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = _find(call.client("autoscaling"), rid)
        if found is None:
            return None
        template = found.get("LaunchTemplate") or {}
        subnets = [each for each in (found.get("VPCZoneIdentifier") or "").split(",") if each]
        # AWS's own default isn't the program's wish.
        policies = found.get("TerminationPolicies") or []
        return {
            **{prop: found.get(api) for api, prop in PLAIN.items()},
            "terminationPolicies": policies if policies != ["Default"] or state.get("terminationPolicies") else [],
            "arn": found["AutoScalingGroupARN"],
            "name": rid,
            "availabilityZones": sorted(found["AvailabilityZones"]),
            "vpcZoneIdentifiers": sorted(subnets),
            "launchTemplate": {prop: template.get(api) for api, prop in TEMPLATE.items()} if template else None,
            "mixedInstancesPolicy": mixed_policy_block(found.get("MixedInstancesPolicy")),
            "capacityReservationSpecification": camel(found.get("CapacityReservationSpecification")),
            "instanceMaintenancePolicy": camel(found.get("InstanceMaintenancePolicy")),
            "availabilityZoneDistribution": camel(found.get("AvailabilityZoneDistribution")),
            "targetGroupArns": sorted(found.get("TargetGroupARNs") or ()),
            "trafficSources": camel(found.get("TrafficSources") or []),
            "loadBalancers": found.get("LoadBalancerNames") or [],
            "enabledMetrics": sorted(each["Metric"] for each in found.get("EnabledMetrics") or ()),
            "suspendedProcesses": sorted(each["ProcessName"] for each in found.get("SuspendedProcesses") or ()),
            "tags": [
                {"key": each["Key"], "value": each["Value"], "propagateAtLaunch": each["PropagateAtLaunch"]}
                for each in found.get("Tags") or ()
            ],
            "predictedCapacity": found.get("PredictedCapacity") or 0,
            "warmPoolSize": found.get("WarmPoolSize") or 0,
        }  # fmt: skip

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("autoscaling")
        # What is computed when unset stays as it is.
        client.update_auto_scaling_group(AutoScalingGroupName=rid, **_options(new))
        _sync_tags(client, rid, old, new)
        _attach(client, rid, old, new)
        _collect_metrics(client, rid, old, new)
        _suspend(client, rid, old, new)
        refresh = new.get("instanceRefresh")
        triggers = {*REFRESHING, *((refresh or {}).get("triggers") or ())} - {"tag", "tags"}
        if refresh and (changed(old, new, *triggers) or _tags_trigger(refresh, old, new)):
            _refresh(client, rid, refresh)
        if changed(old, new, "minSize", "maxSize", "desiredCapacity"):
            _await_capacity(call, rid, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("autoscaling")
        force = bool(state.get("forceDelete"))
        if not force and _find(client, rid) is not None:
            client.update_auto_scaling_group(AutoScalingGroupName=rid, MinSize=0, MaxSize=0, DesiredCapacity=0)
            _drain(client, rid)
        if _find(client, rid) is not None:
            client.delete_auto_scaling_group(AutoScalingGroupName=rid, ForceDelete=force)


def _options(args: Props) -> Props:
    options = request(args, PLAIN)
    if args.get("vpcZoneIdentifiers"):
        options.pop("AvailabilityZones", None)
        options["VPCZoneIdentifier"] = ",".join(args["vpcZoneIdentifiers"])
    if args.get("launchTemplate"):
        template = request(args["launchTemplate"], TEMPLATE)
        # One of both names a template.
        if template.get("LaunchTemplateId"):
            template.pop("LaunchTemplateName", None)
        options["LaunchTemplate"] = template
    if args.get("mixedInstancesPolicy"):
        options["MixedInstancesPolicy"] = mixed_policy(args["mixedInstancesPolicy"])
    if args.get("instanceMaintenancePolicy"):
        options["InstanceMaintenancePolicy"] = instance_policy(args["instanceMaintenancePolicy"])
    for prop in ("capacityReservationSpecification", "availabilityZoneDistribution"):
        if args.get(prop):
            options[prop[0].upper() + prop[1:]] = pascal(args[prop])
    return options


def _find(client: Any, name: str) -> Props | None:
    found = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return dict(found[0]) if found else None


def _tags(args: Props, name: str) -> list[Props]:
    return [
        {
            "ResourceId": name, "ResourceType": "auto-scaling-group", "Key": each["key"], "Value": each["value"],
            "PropagateAtLaunch": bool(each["propagateAtLaunch"]),
        }
        for each in args.get("tags") or ()
    ]  # fmt: skip


def _sync_tags(client: Any, name: str, old: Props, new: Props) -> None:
    before, after = _tags(old, name), _tags(new, name)
    keys = {each["Key"] for each in after}
    gone = [each for each in before if each["Key"] not in keys]
    fresh = [each for each in after if each not in before]
    if gone:
        client.delete_tags(Tags=gone)
    if fresh:
        client.create_or_update_tags(Tags=fresh)


def _tags_trigger(refresh: Props, old: Props, new: Props) -> bool:
    return bool({"tag", "tags"} & {*(refresh.get("triggers") or ())}) and changed(old, new, "tags")


def _attach(client: Any, name: str, old: Props, new: Props) -> None:
    if "targetGroupArns" not in new:
        return
    before, after = set(old.get("targetGroupArns") or ()), set(new["targetGroupArns"] or ())
    if before - after:
        client.detach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=sorted(before - after))
    if after - before:
        client.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=sorted(after - before))


def _collect_metrics(client: Any, name: str, old: Props, new: Props) -> None:
    before, after = set(old.get("enabledMetrics") or ()), set(new.get("enabledMetrics") or ())
    if before - after:
        client.disable_metrics_collection(AutoScalingGroupName=name, Metrics=sorted(before - after))
    if after - before:
        granularity = new.get("metricsGranularity") or "1Minute"
        metrics = sorted(after - before)
        client.enable_metrics_collection(AutoScalingGroupName=name, Granularity=granularity, Metrics=metrics)


def _suspend(client: Any, name: str, old: Props, new: Props) -> None:
    before, after = set(old.get("suspendedProcesses") or ()), set(new.get("suspendedProcesses") or ())
    if before - after:
        client.resume_processes(AutoScalingGroupName=name, ScalingProcesses=sorted(before - after))
    if after - before:
        client.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=sorted(after - before))


def _refresh(client: Any, name: str, block: Props) -> None:
    """Start it; like the real provider, don't wait. One that runs is cancelled."""
    running = client.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
    if any(each["Status"] in ("Pending", "InProgress") for each in running):
        client.cancel_instance_refresh(AutoScalingGroupName=name)
    options = {"Strategy": block.get("strategy") or "Rolling"}
    preferences = refresh_preferences(block.get("preferences") or {})
    client.start_instance_refresh(
        AutoScalingGroupName=name, **options, **({"Preferences": preferences} if preferences else {})
    )


def _await_capacity(call: Call, name: str, args: Props) -> None:
    """Until enough instances are in service, and healthy behind the load balancer if that is asked for."""
    patience = _seconds(args.get("waitForCapacityTimeout") or "10m")
    end = time.monotonic() + patience
    while patience:
        found = _find(call.client("autoscaling"), name)
        if found is None or _has_capacity(call, found, args):
            return
        if time.monotonic() > end:
            failed = _last_failure(call.client("autoscaling"), name)
            raise ResourceError(f"waiting for capacity: {failed or 'the instances are not healthy yet'}")
        time.sleep(POLL_SECONDS)


def _has_capacity(call: Call, found: Props, args: Props) -> bool:
    members = [each["InstanceId"] for each in found["Instances"] if each["LifecycleState"] == "InService"]
    wanted = args.get("desiredCapacity")
    if len(members) < (args["minSize"] if wanted is None else wanted):
        return False
    behind = args.get("waitForElbCapacity") or args.get("minElbCapacity") or 0
    return not behind or all(_healthy(call, arn, members) >= behind for arn in found.get("TargetGroupARNs") or ())


def _healthy(call: Call, arn: str, members: list[str]) -> int:
    told = call.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return sum(each["TargetHealth"]["State"] == "healthy" and each["Target"]["Id"] in members for each in told)


def _last_failure(client: Any, name: str) -> str | None:
    activities = client.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
    return next((each.get("StatusMessage") for each in activities if each["StatusCode"] == "Failed"), None)


def _drain(client: Any, name: str) -> None:
    end = time.monotonic() + _seconds("10m")
    while (found := _find(client, name)) is not None and found["Instances"] and time.monotonic() < end:
        time.sleep(POLL_SECONDS)


def _seconds(duration: str) -> int:
    """Go's duration, such as `10m` or `1h30m`; `0` needs no unit."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))
