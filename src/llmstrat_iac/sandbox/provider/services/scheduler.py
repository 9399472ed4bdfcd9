"""EventBridge Scheduler: schedule groups and schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import (
    answer,
    camel,
    pascal,
    request,
    tag_delta,
    tag_list,
    tag_map,
    timestamp,
)
from llmstrat_iac.sandbox.provider.services.waiting import wait_until_gone
from llmstrat_iac.sandbox.provider.values import Props


@resource("aws:scheduler/scheduleGroup:ScheduleGroup")
class ScheduleGroup(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("scheduler").create_schedule_group(Name=args["name"], Tags=tag_list(args.get("tagsAll")))
        return str(args["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("scheduler")
        found = client.get_schedule_group(Name=rid)
        if found.get("State") == "DELETING":
            return None
        return {
            "name": rid,
            "arn": found["Arn"],
            "state": found["State"],
            "creationDate": timestamp(found.get("CreationDate")),
            "lastModificationDate": timestamp(found.get("LastModificationDate")),
            "tagsAll": tag_map(client.list_tags_for_resource(ResourceArn=found["Arn"]).get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("scheduler")
        added, removed = tag_delta(old, new)
        if added:
            client.tag_resource(ResourceArn=old["arn"], Tags=tag_list(added))
        if removed:
            client.untag_resource(ResourceArn=old["arn"], TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("scheduler")
        client.delete_schedule_group(Name=rid)
        wait_until_gone(lambda: client.get_schedule_group(Name=rid))


SCHEDULE = {
    "Name": "name", "GroupName": "groupName", "Description": "description", "KmsKeyArn": "kmsKeyArn", "State": "state",
    "ScheduleExpression": "scheduleExpression", "ScheduleExpressionTimezone": "scheduleExpressionTimezone",
    "ActionAfterCompletion": "actionAfterCompletion",
}  # fmt: skip


@resource("aws:scheduler/schedule:Schedule")
class Schedule(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("scheduler").create_schedule(**_schedule(args))
        return f"{args.get('groupName') or 'default'}/{args['name']}"

    def identify(self, state: Props, rid: str) -> str:
        return f"{state['groupName']}/{state['name']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        group, name = rid.split("/", 1)
        found = call.client("scheduler").get_schedule(GroupName=group, Name=name)
        return {
            **answer(found, SCHEDULE),
            "groupName": group,
            "arn": found["Arn"],
            "scheduleExpressionTimezone": found.get("ScheduleExpressionTimezone") or "UTC",
            "actionAfterCompletion": found.get("ActionAfterCompletion") or "NONE",
            "flexibleTimeWindow": _window(found["FlexibleTimeWindow"]),
            "startDate": timestamp(found.get("StartDate")),
            "endDate": timestamp(found.get("EndDate")),
            "target": _target_block(found["Target"]),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        kept = {"actionAfterCompletion": old.get("actionAfterCompletion"), "groupName": old.get("groupName")}
        call.client("scheduler").update_schedule(**_schedule({**kept, **new}))

    def delete(self, call: Call, rid: str, state: Props) -> None:
        group, name = rid.split("/", 1)
        call.client("scheduler").delete_schedule(GroupName=group, Name=name)


def _schedule(args: Props) -> Props:
    options = request(args, SCHEDULE)
    for api, prop in {"StartDate": "startDate", "EndDate": "endDate"}.items():
        if args.get(prop):
            options[api] = datetime.fromisoformat(args[prop])
    options["FlexibleTimeWindow"] = pascal(args["flexibleTimeWindow"])
    options["Target"] = _target(args["target"])
    return options


# Members whose names aren't the property's with a capital letter.
TARGET = {
    "eventbridgeParameters": "EventBridgeParameters",
    "sagemakerPipelineParameters": "SageMakerPipelineParameters",
}


def _target(block: Props) -> Props:
    target = pascal({key: value for key, value in block.items() if key not in TARGET})
    for prop, api in TARGET.items():
        if block.get(prop):
            target[api] = _renamed(pascal(block[prop]), "PipelineParameters", "PipelineParameterList")
    if "EcsParameters" in target:
        target["EcsParameters"] = _renamed(target["EcsParameters"], "EnableEcsManagedTags", "EnableECSManagedTags")
    return target  # type: ignore[no-any-return]


def _target_block(found: Props) -> Props:
    names = {api: prop for prop, api in TARGET.items()}
    block: Props = {}
    for key, value in found.items():
        renamed = _renamed(value, "PipelineParameterList", "PipelineParameters") if isinstance(value, dict) else value
        block[names.get(key, key[0].lower() + key[1:])] = camel(renamed)
    retry = block.get("retryPolicy")
    if retry == {"maximumEventAgeInSeconds": 86400, "maximumRetryAttempts": 185}:
        # AWS's own defaults, reported also when no policy was given.
        block.pop("retryPolicy")
    return block


def _renamed(block: Props, old: str, new: str) -> Props:
    return {new if key == old else key: value for key, value in block.items()}


def _window(found: Any) -> Props:
    return {key: value for key, value in camel(found).items() if value is not None}
