"""CloudWatch Logs: log groups and metric filters."""

from __future__ import annotations

from typing import ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import answer, changed, request, tag_delta
from llmstrat_iac.sandbox.provider.values import Props


@resource("aws:cloudwatch/logGroup:LogGroup")
class LogGroup(Resource):
    def create(self, call: Call, args: Props) -> str:
        client, name = call.client("logs"), str(args["name"])
        names = {"logGroupName": "name", "kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass"}
        options = request(args, names)
        if args.get("tagsAll"):
            options["tags"] = args["tagsAll"]
        client.create_log_group(**options)
        call.created_id = name
        self._set_retention(call, name, args)
        return name

    def _set_retention(self, call: Call, name: str, args: Props) -> None:
        days = args.get("retentionInDays") or 0
        if days and args.get("logGroupClass") != "DELIVERY":
            call.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("logs")
        pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=rid)
        group = next((item for page in pages for item in page["logGroups"] if item["logGroupName"] == rid), None)
        if group is None:
            return None
        arn = f"arn:{call.partition}:logs:{call.region}:{call.account_id}:log-group:{rid}"
        return {
            "name": rid,
            "arn": arn,
            "kmsKeyId": group.get("kmsKeyId"),
            "logGroupClass": group.get("logGroupClass", "STANDARD"),
            "retentionInDays": group.get("retentionInDays", 0),
            "tagsAll": client.list_tags_for_resource(resourceArn=arn).get("tags") or {},
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("logs")
        if changed(old, new, "retentionInDays"):
            if new.get("retentionInDays"):
                self._set_retention(call, rid, new)
            else:
                client.delete_retention_policy(logGroupName=rid)
        if changed(old, new, "kmsKeyId"):
            if new.get("kmsKeyId"):
                client.associate_kms_key(logGroupName=rid, kmsKeyId=new["kmsKeyId"])
            else:
                client.disassociate_kms_key(logGroupName=rid)
        added, removed = tag_delta(old, new)
        if added:
            client.tag_resource(resourceArn=old["arn"], tags=added)
        if removed:
            client.untag_resource(resourceArn=old["arn"], tagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        if not state.get("skipDestroy"):
            call.client("logs").delete_log_group(logGroupName=rid)


@resource("aws:cloudwatch/logMetricFilter:LogMetricFilter")
class LogMetricFilter(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "metricName": "name", "metricNamespace": "namespace", "metricValue": "value", "unit": "unit",
        "dimensions": "dimensions",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        block = args["metricTransformation"]
        transformation = request(block, self.NAMES)
        if block.get("defaultValue"):
            transformation["defaultValue"] = float(block["defaultValue"])
        call.client("logs").put_metric_filter(
            logGroupName=args["logGroupName"],
            filterName=args["name"],
            filterPattern=args["pattern"],
            metricTransformations=[transformation],
            **request(args, {"applyOnTransformedLogs": "applyOnTransformedLogs"}),
        )
        return str(args["name"])

    def identify(self, state: Props, rid: str) -> str:
        return str(state["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("logs").describe_metric_filters(logGroupName=state["logGroupName"], filterNamePrefix=rid)
        item = next((item for item in found["metricFilters"] if item["filterName"] == rid), None)
        if item is None:
            return None
        transformation = item["metricTransformations"][0]
        block = {key: value for key, value in answer(transformation, self.NAMES).items() if value}
        if block.get("unit") == "None" and "unit" not in (state.get("metricTransformation") or {}):
            del block["unit"]
        if transformation.get("defaultValue") is not None:
            block["defaultValue"] = str(transformation["defaultValue"])
        return {
            "name": rid,
            "logGroupName": state["logGroupName"],
            "pattern": item.get("filterPattern", ""),
            "metricTransformation": block,
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("logs").delete_metric_filter(logGroupName=state["logGroupName"], filterName=rid)
