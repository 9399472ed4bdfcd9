"""Rows of CloudWatch, SNS, Budgets and Scheduler."""

from __future__ import annotations

import json

from aws_case import Case, found

WATCH = (
    Case(
        "logs", "aws:cloudwatch/logGroup:LogGroup",
        lambda m: {"retention_in_days": 7, "tags": {"team": "a"}},
        lambda m: {"retention_in_days": 14, "tags": {"team": "b"}},
        lambda m: {"name": "/fidelity/by-name"},
        lambda aws, out: found(
            aws("logs").describe_log_groups(logGroupNamePrefix=out["id"])["logGroups"], logGroupName=out["id"]
        ),
    ),
    Case(
        "metric-filter", "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        lambda m: {
            "log_group_name": m["logs"].name, "pattern": "ERROR",
            "metric_transformation": {"name": "Errors", "namespace": "Fidelity", "value": "1", "default_value": "0"},
        },
        lambda m: {"pattern": "WARN"},
        lambda m: {"name": "filter-by-name"},
        lambda aws, out: found(
            aws("logs").describe_metric_filters(logGroupName=out["logGroupName"])["metricFilters"], filterName=out["id"]
        ),
    ),
    Case(
        "alarm", "aws:cloudwatch/metricAlarm:MetricAlarm",
        lambda m: {
            "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 1, "metric_name": "5XXError",
            "namespace": "AWS/ApiGateway", "period": 60, "statistic": "Sum", "threshold": 5,
            "dimensions": {"ApiName": "x"}, "alarm_actions": [m["topic"].arn, m["other-topic"].arn],
            "tags": {"team": "a"},
        },
        lambda m: {"threshold": 7.5, "dimensions": {"ApiName": "y"}, "tags": {"team": "b"}},
        lambda m: {"name": "fidelity-alarm"},
        lambda aws, out: aws("cloudwatch").describe_alarms(AlarmNames=[out["id"]])["MetricAlarms"],
    ),
    Case(
        "dashboard", "aws:cloudwatch/dashboard:Dashboard",
        lambda m: {"dashboard_name": "fidelity", "dashboard_body": json.dumps({"widgets": []}, indent=2)},
        lambda m: {"dashboard_body": json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "x"}}]})},
        lambda m: {"dashboard_name": "fidelity-2"},
        lambda aws, out: found(aws("cloudwatch").list_dashboards()["DashboardEntries"], DashboardName=out["id"]),
    ),
    Case(
        "topic", "aws:sns/topic:Topic",
        lambda m: {"display_name": "one", "tags": {"team": "a"}},
        lambda m: {"display_name": "two", "tags": {"team": "b"}},
        lambda m: {"name": "fidelity-topic"},
        lambda aws, out: aws("sns").get_topic_attributes(TopicArn=out["id"]),
    ),
    Case(
        "subscription", "aws:sns/topicSubscription:TopicSubscription",
        lambda m: {
            "topic": m["topic"].arn, "protocol": "lambda", "endpoint": m["function"].arn,
            "filter_policy": '{"kind": ["a"]}',
        },
        lambda m: {"filter_policy": '{"kind": ["b"]}'},
        lambda m: {"protocol": "sqs", "endpoint": "arn:aws:sqs:us-east-1:000000000000:queue"},
        lambda aws, out: aws("sns").get_subscription_attributes(SubscriptionArn=out["id"]),
    ),
    Case(
        "budget", "aws:budgets/budget:Budget",
        lambda m: {
            "budget_type": "COST", "time_unit": "MONTHLY", "limit_amount": "100", "limit_unit": "USD",
            "cost_filters": [{"name": "TagKeyValue", "values": ["user:llmstrat:stack$x"]}],
            "notifications": [
                {
                    "comparison_operator": "GREATER_THAN", "notification_type": "ACTUAL", "threshold": 80,
                    "threshold_type": "PERCENTAGE", "subscriber_email_addresses": ["a@example.com"],
                }
            ],
        },
        lambda m: {
            "limit_amount": "250.0",
            "notifications": [
                {
                    "comparison_operator": "GREATER_THAN", "notification_type": "FORECASTED", "threshold": 100,
                    "threshold_type": "PERCENTAGE", "subscriber_email_addresses": ["a@example.com", "b@example.com"],
                }
            ],
        },
        lambda m: {"name": "fidelity-budget"},
        lambda aws, out: aws("budgets").describe_budget(AccountId=out["accountId"], BudgetName=out["name"]),
    ),
    Case(
        "schedule-group", "aws:scheduler/scheduleGroup:ScheduleGroup",
        lambda m: {"tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"name": "fidelity-group"},
        lambda aws, out: aws("scheduler").get_schedule_group(Name=out["id"]),
    ),
    Case(
        "schedule", "aws:scheduler/schedule:Schedule",
        lambda m: {
            "group_name": m["schedule-group"].name, "schedule_expression": "at(2099-01-01T00:00:00)",
            "flexible_time_window": {"mode": "OFF"},
            "target": {
                "arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "role_arn": m["role"].arn,
                "input": json.dumps({"InstanceIds": ["i-1"]}),
            },
        },
        lambda m: {"schedule_expression": "rate(1 hours)", "state": "DISABLED", "description": "new"},
        lambda m: {"name": "fidelity-schedule"},
        lambda aws, out: aws("scheduler").get_schedule(GroupName=out["groupName"], Name=out["name"]),
    ),
)  # fmt: skip
