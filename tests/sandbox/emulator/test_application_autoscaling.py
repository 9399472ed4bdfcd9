"""Scalable targets move what they name within their limits, and take policies and schedules with them when they go."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hosting_kit import make_config, make_endpoint, settled
from sandbox_kit import Clients, clients
from tuning_kit import served

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def test_upstream_still_lacks_application_autoscaling(plain_emulator_url: str) -> None:
    plain = clients(plain_emulator_url)("application-autoscaling")
    assert not served(lambda: plain.describe_scalable_targets(ServiceNamespace="sagemaker")), (
        "plain ministack now has Application Auto Scaling: compare, then delete the addition"
    )


@pytest.fixture(scope="module")
def target(aws: Clients) -> dict[str, str]:
    name = make_endpoint(aws, make_config(aws))
    settled(aws, name)
    resource = f"endpoint/{name}/variant/AllTraffic"
    return {"ServiceNamespace": "sagemaker", "ResourceId": resource, "ScalableDimension": DIMENSION}


def instances(aws: Clients, target: dict[str, str]) -> int:
    name = target["ResourceId"].split("/")[1]
    variant = aws("sagemaker").describe_endpoint(EndpointName=name)["ProductionVariants"][0]
    return int(variant["DesiredInstanceCount"])


def test_a_targets_limits_move_the_variant(aws: Clients, target: dict[str, str]) -> None:
    scaling = aws("application-autoscaling")
    made = scaling.register_scalable_target(**target, MinCapacity=2, MaxCapacity=4, Tags={"team": "a"})
    assert instances(aws, target) == 2
    scaling.register_scalable_target(**target, MaxCapacity=3)
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])
    limits = [(item["MinCapacity"], item["MaxCapacity"]) for item in found["ScalableTargets"]]
    assert limits == [(2, 3)]
    assert scaling.list_tags_for_resource(ResourceARN=made["ScalableTargetARN"])["Tags"] == {"team": "a"}


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [({"MinCapacity": 3, "MaxCapacity": 1}, "Maximum capacity"), ({"MinCapacity": 0, "MaxCapacity": 1}, "at least 1")],
)
def test_limits_that_cant_be_are_refused(
    aws: Clients, target: dict[str, str], limits: dict[str, int], refusal: str
) -> None:
    with pytest.raises(ClientError, match=refusal):
        aws("application-autoscaling").register_scalable_target(**target, **limits)


def test_what_isnt_there_cant_be_scaled(aws: Clients, target: dict[str, str]) -> None:
    absent = {**target, "ResourceId": "endpoint/absent/variant/AllTraffic"}
    with pytest.raises(ClientError, match="No variant AllTraffic"):
        aws("application-autoscaling").register_scalable_target(**absent, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        aws("application-autoscaling").put_scheduled_action(**absent, ScheduledActionName="x", Schedule="rate(1 hour)")


def test_policies_and_schedules_go_with_their_target(aws: Clients, target: dict[str, str]) -> None:
    scaling = aws("application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    metric = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    tracking: dict[str, Any] = {"TargetValue": 5.0, "PredefinedMetricSpecification": metric}
    scaling.put_scaling_policy(
        **target, PolicyName="p", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )  # fmt: skip
    scaling.put_scheduled_action(
        **target, ScheduledActionName="night", Schedule="cron(0 20 * * ? *)", Timezone="UTC",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )  # fmt: skip
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["p"])["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"] == tracking
    assert len(policy["Alarms"]) == 2
    (action,) = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    assert action["Schedule"] == "cron(0 20 * * ? *)"
    scaling.deregister_scalable_target(**target)
    assert not scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert not scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        scaling.deregister_scalable_target(**target)
