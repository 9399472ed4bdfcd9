"""When replicas are added and taken: by how many requests each has at once, and by the clock.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html for what has no instances.
"""

from __future__ import annotations

from datetime import datetime

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.expiry import last_start
from llmstrat_iac.components.sagemaker.names import SageMakerNames
from llmstrat_iac.components.sagemaker.schedule import aws_cron
from llmstrat_iac.components.sagemaker.shape import concurrency_target
from llmstrat_iac.open_model import ResolvedServing

_VARIANT = ("sagemaker:variant:DesiredInstanceCount", "SageMakerVariantConcurrentRequestsPerModelHighResolution")
_COMPONENT = (
    "sagemaker:inference-component:DesiredCopyCount",
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
)
_OUT_SECONDS, _IN_SECONDS = 120, 600
"""A new replica needs minutes to load; one that goes must be idle for a while."""
_WAKE_SECONDS = 60


def scale_variant(serving: ResolvedServing, endpoint: aws.sagemaker.Endpoint, opts: pulumi.ResourceOptions) -> None:
    """Between `replicas.min`, at least one, and `replicas.max`."""
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[endpoint]))
    replicas = serving.block.replicas
    names = SageMakerNames(serving.stack_name)
    target = _target(names.variant_target, _VARIANT[0], max(1, replicas.min), replicas.max, opts)
    _track(serving, target, _VARIANT[1], opts)


def scale_component(
    serving: ResolvedServing,
    component: aws.cloudcontrol.Resource,
    expires: datetime | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """Down to nothing, and up again at the first call or, until the stack expires, by the clock."""
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[component]))
    replicas = serving.block.replicas
    names = SageMakerNames(serving.stack_name)
    target = _target(names.component_target, _COMPONENT[0], replicas.min, replicas.max, opts)
    _track(serving, target, _COMPONENT[1], opts)
    _wake(names, target, opts)
    if serving.block.hours is not None:
        _schedule(serving, names, target, expires, opts)


def _target(
    resource: str, dimension: str, least: int, most: int, opts: pulumi.ResourceOptions
) -> aws.appautoscaling.Target:
    return aws.appautoscaling.Target(
        "fleet",
        aws.appautoscaling.TargetArgs(
            service_namespace="sagemaker",
            resource_id=resource,
            scalable_dimension=dimension,
            min_capacity=least,
            max_capacity=most,
        ),
        opts=opts,
    )


def _track(
    serving: ResolvedServing, target: aws.appautoscaling.Target, metric: str, opts: pulumi.ResourceOptions
) -> None:
    scaling = aws.appautoscaling
    aws.appautoscaling.Policy(
        "fleet",
        scaling.PolicyArgs(
            name=f"{serving.stack_name}-concurrency",
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            resource_id=target.resource_id,
            scalable_dimension=target.scalable_dimension,
            target_tracking_scaling_policy_configuration=scaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                target_value=concurrency_target(serving),
                predefined_metric_specification=scaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                    predefined_metric_type=metric
                ),
                scale_out_cooldown=_OUT_SECONDS,
                scale_in_cooldown=_IN_SECONDS,
            ),
        ),
        opts=opts,
    )


def _wake(names: SageMakerNames, target: aws.appautoscaling.Target, opts: pulumi.ResourceOptions) -> None:
    """Target tracking can't leave zero: a call that finds no instance raises an alarm, which adds one."""
    scaling = aws.appautoscaling
    policy = scaling.Policy(
        "fleet-wake",
        scaling.PolicyArgs(
            name=names.wake_alarm,
            policy_type="StepScaling",
            service_namespace=target.service_namespace,
            resource_id=target.resource_id,
            scalable_dimension=target.scalable_dimension,
            step_scaling_policy_configuration=scaling.PolicyStepScalingPolicyConfigurationArgs(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Maximum",
                cooldown=_WAKE_SECONDS,
                step_adjustments=[
                    scaling.PolicyStepScalingPolicyConfigurationStepAdjustmentArgs(
                        metric_interval_lower_bound="0", scaling_adjustment=1
                    )
                ],
            ),
        ),
        opts=opts,
    )
    aws.cloudwatch.MetricAlarm(
        "fleet-wake",
        aws.cloudwatch.MetricAlarmArgs(
            name=names.wake_alarm,
            alarm_description="Calls that found no instance of the stack's model: one is started",
            namespace="AWS/SageMaker",
            metric_name="NoCapacityInvocationFailures",
            dimensions={"InferenceComponentName": names.component},
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
        ),
        opts=opts,
    )


def _schedule(
    serving: ResolvedServing,
    names: SageMakerNames,
    target: aws.appautoscaling.Target,
    expires: datetime | None,
    opts: pulumi.ResourceOptions,
) -> None:
    hours, replicas = serving.block.hours, serving.block.replicas
    assert hours is not None, "only asked for with `hours`"
    actions = {
        "start": (hours.start, max(1, replicas.min), replicas.max),
        "stop": (hours.stop, 0, 0),
    }
    for word, (cron, least, most) in actions.items():
        aws.appautoscaling.ScheduledAction(
            f"fleet-{word}",
            aws.appautoscaling.ScheduledActionArgs(
                name=f"{names.prefix}-{word}",
                service_namespace=target.service_namespace,
                resource_id=target.resource_id,
                scalable_dimension=target.scalable_dimension,
                schedule=aws_cron(cron),
                timezone=hours.timezone,
                end_time=last_start(expires),
                scalable_target_action=aws.appautoscaling.ScheduledActionScalableTargetActionArgs(
                    min_capacity=least, max_capacity=most
                ),
            ),
            opts=opts,
        )
