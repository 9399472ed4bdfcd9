"""CloudWatch: metric alarms and dashboards."""

from __future__ import annotations

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import (
    answer,
    document,
    number,
    request,
    tag_delta,
    tag_list,
    tag_map,
)
from llmstrat_iac.sandbox.provider.values import Props

ALARM = {
    "AlarmName": "name", "AlarmDescription": "alarmDescription", "ActionsEnabled": "actionsEnabled",
    "OKActions": "okActions", "AlarmActions": "alarmActions", "InsufficientDataActions": "insufficientDataActions",
    "MetricName": "metricName", "Namespace": "namespace", "Statistic": "statistic",
    "ExtendedStatistic": "extendedStatistic", "Period": "period", "Unit": "unit", "Threshold": "threshold",
    "EvaluationPeriods": "evaluationPeriods", "DatapointsToAlarm": "datapointsToAlarm",
    "ComparisonOperator": "comparisonOperator", "TreatMissingData": "treatMissingData",
    "EvaluateLowSampleCountPercentile": "evaluateLowSampleCountPercentiles", "ThresholdMetricId": "thresholdMetricId",
}  # fmt: skip
QUERY = {
    "Id": "id", "Expression": "expression", "Label": "label", "ReturnData": "returnData", "Period": "period",
    "AccountId": "accountId",
}  # fmt: skip


@resource("aws:cloudwatch/metricAlarm:MetricAlarm")
class MetricAlarm(Resource):
    def create(self, call: Call, args: Props) -> str:
        self._put(call, args, Tags=tag_list(args.get("tagsAll")))
        return str(args["name"])

    def _put(self, call: Call, args: Props, **more: object) -> None:
        options = {**request(args, ALARM), **more}
        if args.get("dimensions"):
            options["Dimensions"] = tag_list(args["dimensions"], "Name")
        if args.get("metricQueries"):
            options["Metrics"] = [_query(item) for item in args["metricQueries"]]
        call.client("cloudwatch").put_metric_alarm(**options)

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("cloudwatch")
        alarms = client.describe_alarms(AlarmNames=[rid], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if not alarms:
            return None
        alarm = alarms[0]
        found = {
            prop: value or None if prop != "actionsEnabled" else value for prop, value in answer(alarm, ALARM).items()
        }
        return {
            **found,
            "threshold": number(alarm.get("Threshold")),
            "treatMissingData": alarm.get("TreatMissingData") or "missing",
            "arn": alarm["AlarmArn"],
            "dimensions": tag_map(alarm.get("Dimensions"), "Name"),
            "metricQueries": [_query_block(item) for item in alarm.get("Metrics") or []],
            "tagsAll": tag_map(client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"]).get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self._put(call, new)
        client = call.client("cloudwatch")
        added, removed = tag_delta(old, new)
        if added:
            client.tag_resource(ResourceARN=old["arn"], Tags=tag_list(added))
        if removed:
            client.untag_resource(ResourceARN=old["arn"], TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("cloudwatch").delete_alarms(AlarmNames=[rid])


def _query(block: Props) -> Props:
    query = request(block, QUERY)
    metric = block.get("metric")
    if metric:
        query["MetricStat"] = {
            "Metric": {
                **request(metric, {"Namespace": "namespace", "MetricName": "metricName"}),
                "Dimensions": tag_list(metric.get("dimensions"), "Name"),
            },
            **request(metric, {"Period": "period", "Stat": "stat", "Unit": "unit"}),
        }
    return query


def _query_block(query: Props) -> Props:
    block = {key: value for key, value in answer(query, QUERY).items() if value is not None}
    stat = query.get("MetricStat")
    if stat:
        metric = {
            **answer(stat["Metric"], {"Namespace": "namespace", "MetricName": "metricName"}),
            **answer(stat, {"Period": "period", "Stat": "stat", "Unit": "unit"}),
            "dimensions": tag_map(stat["Metric"].get("Dimensions"), "Name"),
        }
        block["metric"] = {key: value for key, value in metric.items() if value not in (None, {})}
    return block


@resource("aws:cloudwatch/dashboard:Dashboard")
class Dashboard(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("cloudwatch").put_dashboard(
            DashboardName=args["dashboardName"], DashboardBody=args["dashboardBody"]
        )
        return str(args["dashboardName"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("cloudwatch").get_dashboard(DashboardName=rid)
        return {
            "dashboardName": rid,
            "dashboardBody": document(found["DashboardBody"]),
            "dashboardArn": f"arn:{call.partition}:cloudwatch::{call.account_id}:dashboard/{rid}",
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("cloudwatch").delete_dashboards(DashboardNames=[rid])
