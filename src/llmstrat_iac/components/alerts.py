"""Who is told, and when: alarms on errors and throttling by e-mail, and an AWS budget with two warnings.

A budget sees costs 8 to 12 hours late and only what AWS bills, not the vendors' tokens: the brakes are the consumers'
limits and the expiry, the budget is the second line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.gateway_args import GatewayArgs
from llmstrat_iac.components.names import STAGE, TAG_STACK, GatewayNames

_BUDGET = "aws:budgets/budget:Budget"
_ALONE = "budget"
"""Logical name of the budget of a stack without a gateway."""


@dataclass(frozen=True)
class Alarm:
    """A sum over five minutes that shouldn't be reached."""

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    threshold: int


def create_alerts(name: str, args: GatewayArgs, names: GatewayNames, opts: pulumi.ResourceOptions) -> None:
    """The alarms, their topic and, if a monthly limit is set, the budget."""
    # Not encrypted with a key of AWS's own: CloudWatch can't publish to such a topic, and alarms hold no secrets.
    topic = aws.sns.Topic(name, aws.sns.TopicArgs(name=names.topic), opts=opts)
    aws.sns.TopicSubscription(
        name, aws.sns.TopicSubscriptionArgs(topic=topic.arn, protocol="email", endpoint=args.owner), opts=opts
    )
    for alarm in gateway_alarms(names):
        _create_alarm(name, names, alarm, topic, opts)
    if args.monthly_usd is not None:
        before = pulumi.ResourceOptions(aliases=[pulumi.create_urn(_ALONE, _BUDGET)])
        _create_budget(name, args.monthly_usd, args.owner, names, pulumi.ResourceOptions.merge(opts, before))


def create_budget_alone(
    monthly_usd: float, owner: pulumi.Input[str], names: GatewayNames, provider: pulumi.ProviderResource
) -> None:
    """The budget of a stack without a gateway; it becomes the gateway's when there is one, and the other way round.

    A new one couldn't be made before the old one goes, since its name is the same.
    """
    before = pulumi.create_urn("gateway", f"llmstrat:gateway:Gateway${_BUDGET}")
    _create_budget(_ALONE, monthly_usd, owner, names, pulumi.ResourceOptions(provider=provider, aliases=[before]))


def gateway_alarms(names: GatewayNames) -> tuple[Alarm, ...]:
    """What is watched."""
    function, api = {"FunctionName": names.relay}, {"ApiName": names.api, "Stage": STAGE}
    return (
        Alarm("relay-errors", "The relay crashed or timed out", "AWS/Lambda", "Errors", function, 1),
        Alarm("relay-throttles", "The relay's concurrency is used up", "AWS/Lambda", "Throttles", function, 1),
        Alarm("api-5xx", "Clients get server errors", "AWS/ApiGateway", "5XXError", api, 5),
    )


def _create_alarm(
    name: str, names: GatewayNames, alarm: Alarm, topic: aws.sns.Topic, opts: pulumi.ResourceOptions
) -> None:
    aws.cloudwatch.MetricAlarm(
        f"{name}-{alarm.name}",
        aws.cloudwatch.MetricAlarmArgs(
            name=f"{names.prefix}-{alarm.name}",
            alarm_description=alarm.description,
            namespace=alarm.namespace,
            metric_name=alarm.metric,
            dimensions=alarm.dimensions,
            statistic="Sum",
            period=300,
            evaluation_periods=1,
            threshold=alarm.threshold,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[topic.arn],
        ),
        opts=opts,
    )


def _create_budget(
    name: str, monthly_usd: float, owner: pulumi.Input[str], names: GatewayNames, opts: pulumi.ResourceOptions
) -> None:
    # The tag counts only once it is activated as a cost allocation tag in the payer account.
    aws.budgets.Budget(
        name,
        aws.budgets.BudgetArgs(
            name=names.monthly_budget,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{monthly_usd:.2f}",
            limit_unit="USD",
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{TAG_STACK}${names.prefix}"])
            ],
            notifications=[
                _notification("FORECASTED", 80, owner),
                _notification("ACTUAL", 100, owner),
            ],
        ),
        opts=opts,
    )


def _notification(kind: str, percent: int, owner: pulumi.Input[str]) -> aws.budgets.BudgetNotificationArgs:
    return aws.budgets.BudgetNotificationArgs(
        notification_type=kind,
        comparison_operator="GREATER_THAN",
        threshold=percent,
        threshold_type="PERCENTAGE",
        subscriber_email_addresses=[owner],
    )
