"""When the fleet grows and shrinks: on what the engine measures, and by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.ec2.names import CACHE_METRIC, METRIC_NAMESPACE, WAITING_METRIC
from llmstrat_iac.components.expiry import last_start


@dataclass(frozen=True)
class ScheduleArgs:
    """When the fleet starts and when it stops, in cron's five fields."""

    start: str
    stop: str
    timezone: str


@dataclass(frozen=True)
class ScalingArgs:
    """How many instances, and when."""

    minimum: int
    maximum: int
    waiting_requests: float
    kv_cache_percent: float
    hours: ScheduleArgs | None = None
    paused: bool = False

    @property
    def limits(self) -> tuple[int, int]:
        """Least and most instances now."""
        return (0, 0) if self.paused else (self.minimum, self.maximum)


def create_scaling(
    name: str,
    args: ScalingArgs,
    group: aws.autoscaling.Group,
    *,
    warmup: int,
    expires: datetime | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """Policies if there is room to scale, actions if there are hours; a paused fleet has neither, and stays down."""
    if args.paused:
        return
    if args.maximum > args.minimum:
        for metric, target, unit in (
            (WAITING_METRIC, args.waiting_requests, "Count"),
            (CACHE_METRIC, args.kv_cache_percent, "Percent"),
        ):
            _track(name, group, metric, target=target, unit=unit, warmup=warmup, opts=opts)
    if args.hours is not None:
        end = last_start(expires)
        _schedule(f"{name}-start", group, args.hours.start, args.hours, (args.minimum, args.maximum), end, opts)
        _schedule(f"{name}-stop", group, args.hours.stop, args.hours, (0, 0), end, opts)


def _track(
    name: str,
    group: aws.autoscaling.Group,
    metric: str,
    *,
    target: float,
    unit: str,
    warmup: int,
    opts: pulumi.ResourceOptions,
) -> None:
    """Keep the mean of what all instances report at the target; the fleet shrinks only when both policies agree."""
    data = aws.autoscaling
    label = metric.replace("_", "-")
    dimension = data.PolicyTargetTrackingConfigurationCustomizedMetricSpecificationMetricDimensionArgs(
        name="AutoScalingGroupName", value=group.name
    )
    data.Policy(
        f"{name}-{label}",
        data.PolicyArgs(
            name=label,
            autoscaling_group_name=group.name,
            policy_type="TargetTrackingScaling",
            estimated_instance_warmup=warmup,
            target_tracking_configuration=data.PolicyTargetTrackingConfigurationArgs(
                target_value=target,
                customized_metric_specification=data.PolicyTargetTrackingConfigurationCustomizedMetricSpecificationArgs(
                    namespace=METRIC_NAMESPACE,
                    metric_name=metric,
                    statistic="Average",
                    unit=unit,
                    metric_dimensions=[dimension],
                ),
            ),
        ),
        opts=opts,
    )


def _schedule(
    name: str,
    group: aws.autoscaling.Group,
    cron: str,
    hours: ScheduleArgs,
    limits: Sequence[int],
    end: str | None,
    opts: pulumi.ResourceOptions,
) -> None:
    minimum, maximum = limits
    aws.autoscaling.Schedule(
        name,
        aws.autoscaling.ScheduleArgs(
            scheduled_action_name=name.rpartition("-")[2],
            autoscaling_group_name=group.name,
            recurrence=cron,
            time_zone=hours.timezone,
            end_time=end,
            min_size=minimum,
            max_size=maximum,
            desired_capacity=minimum,
        ),
        opts=opts,
    )
