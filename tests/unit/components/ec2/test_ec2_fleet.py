"""The fleet's promises: who gets in, what an instance may, how long it may take, when it is there and when it isn't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from components_kit import Deployed
from ec2_kit import (
    EGRESS,
    ENDPOINT,
    GROUP,
    INGRESS,
    LOG,
    S3_MODEL,
    SCHEDULE,
    TEMPLATE,
    allowed,
    served,
    user_data,
)

from llmstrat_iac.components.names import TAG_EXPIRES, TAG_SERVES, TAG_STACK
from llmstrat_iac.open_model import Adapter

POLICY = "aws:autoscaling/policy:Policy"
HOURS = "aws:autoscaling/schedule:Schedule"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return served(tmp_path_factory.mktemp("spec"), replicas={"min": 1, "max": 3})


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    adapter = Adapter("tuned", "s3://bucket-of-ours/training/abc-1/output/", None, 16)
    return served(tmp_path_factory.mktemp("spec"), (adapter,), model=S3_MODEL)


def test_each_group_admits_the_one_before_it_and_nothing_else(fleet: Deployed) -> None:
    passages = {
        (rule.inputs["referencedSecurityGroupId"], rule.inputs["securityGroupId"], rule.inputs["fromPort"])
        for rule in fleet.of(INGRESS)
    }
    assert passages == {
        ("fleet-link-id", "fleet-balancer-id", 80),
        ("fleet-balancer-id", "fleet-instances-id", 8000),
    }
    assert all("cidrIpv4" not in rule.inputs and "cidrIpv6" not in rule.inputs for rule in fleet.of(INGRESS))
    for group in fleet.of("aws:ec2/securityGroup:SecurityGroup"):
        assert "ingress" not in group.inputs
        assert "egress" not in group.inputs


def test_instances_talk_https_only(fleet: Deployed, private: Deployed) -> None:
    def outward(deployed: Deployed) -> list[tuple[Any, ...]]:
        rules = [rule.inputs for rule in deployed.of(EGRESS) if rule.inputs["securityGroupId"] == "fleet-instances-id"]
        places = ("cidrIpv4", "referencedSecurityGroupId", "prefixListId")
        return [(rule["fromPort"], rule["toPort"], *(rule.get(place) for place in places)) for rule in rules]

    assert outward(fleet) == [(443, 443, "0.0.0.0/0", None, None)]
    assert outward(private) == [
        (443, 443, None, "fleet-endpoints-id", None),
        (443, 443, None, None, "pl-63a5400a"),
    ]


def test_the_balancer_is_internal_patient_and_forwards_two_paths(fleet: Deployed) -> None:
    balancer = fleet.one("aws:lb/loadBalancer:LoadBalancer").inputs
    assert balancer["internal"] is True
    assert balancer["idleTimeout"] >= 3600
    assert balancer["dropInvalidHeaderFields"] is True
    [default] = fleet.one("aws:lb/listener:Listener").inputs["defaultActions"]
    assert (default["type"], default["fixedResponse"]["statusCode"]) == ("fixed-response", "404")
    json.loads(default["fixedResponse"]["messageBody"])
    [condition] = fleet.one("aws:lb/listenerRule:ListenerRule").inputs["conditions"]
    assert condition["pathPattern"]["values"] == ["/v1/*", "/health"]
    targets = fleet.one("aws:lb/targetGroup:TargetGroup").inputs
    assert (targets["port"], targets["protocol"], targets["healthCheck"]["path"]) == (8000, "HTTP", "/health")
    assert targets["loadBalancingAlgorithmType"] == "least_outstanding_requests"
    assert targets["deregistrationDelay"] >= 300


def test_instances_take_imdsv2_only_and_encrypt_their_disk(fleet: Deployed) -> None:
    template = fleet.one(TEMPLATE).inputs
    metadata = template["metadataOptions"]
    assert (metadata["httpTokens"], metadata["httpPutResponseHopLimit"]) == ("required", 2)
    [disk] = template["blockDeviceMappings"]
    assert disk["ebs"] == {
        "volumeType": "gp3", "volumeSize": 200, "encrypted": "true", "deleteOnTermination": "true",
    }  # fmt: skip
    assert "keyName" not in template
    assert "networkInterfaces" not in template


def test_what_is_launched_is_tagged_but_not_with_what_moves(fleet: Deployed) -> None:
    """An expiry in the template would make a new version, and exchange the fleet, whenever the TTL is renewed."""
    specifications = {each["resourceType"]: each["tags"] for each in fleet.one(TEMPLATE).inputs["tagSpecifications"]}
    assert set(specifications) == {"instance", "volume", "network-interface"}
    for tags in specifications.values():
        assert tags[TAG_STACK] == "support-dev"
        assert tags[TAG_SERVES] == "8000"
        assert TAG_EXPIRES not in tags
    group = {tag["key"]: tag for tag in fleet.one(GROUP).inputs["tags"]}
    assert group[TAG_STACK]["propagateAtLaunch"] is True
    assert TAG_EXPIRES in group


def test_the_newest_image_is_taken_once_and_a_named_one_always(fleet: Deployed, tmp_path: Path) -> None:
    assert fleet.one(TEMPLATE).ignored_changes == {"imageId"}
    named = served(tmp_path, options={"ami": "ami-00000000000000001"}).one(TEMPLATE)
    assert named.inputs["imageId"] == "ami-00000000000000001"
    assert named.ignored_changes == frozenset()


def test_the_user_data_names_the_secret_and_holds_none(fleet: Deployed) -> None:
    text = user_data(fleet.one(TEMPLATE))
    assert "export LLMSTRAT_TOKEN_SECRET=arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-token\n" in text
    assert "hf_" not in text
    assert "set -x" not in text
    assert len(text.encode()) <= 16_384
    assert allowed(fleet, "fleet")["secretsmanager:GetSecretValue"] == [
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-token-??????"
    ]


def test_loading_a_model_has_its_time(fleet: Deployed) -> None:
    group = fleet.one(GROUP).inputs
    assert group["healthCheckType"] == "ELB"
    assert group["healthCheckGracePeriod"] == 1800
    assert group["defaultInstanceWarmup"] == 1800
    assert group["waitForCapacityTimeout"] == "0"
    assert group["instanceRefresh"]["preferences"]["minHealthyPercentage"] == 100
    [hook] = group["initialLifecycleHooks"]
    assert hook["lifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert hook["defaultResult"] == "CONTINUE"
    stop = _seconds(user_data(fleet.one(TEMPLATE)), "TimeoutStopSec=")
    assert hook["heartbeatTimeout"] >= stop + 60


def _seconds(text: str, name: str) -> int:
    return int(text.partition(name)[2].partition("\n")[0])


def test_the_fleet_grows_by_what_the_engine_measures(fleet: Deployed, tmp_path: Path) -> None:
    policies = {each.inputs["name"]: each.inputs["targetTrackingConfiguration"] for each in fleet.of(POLICY)}
    assert {name: each["targetValue"] for name, each in policies.items()} == {
        "waiting-requests": 4,
        "kv-cache-percent": 85,
    }
    reported = user_data(fleet.one(TEMPLATE))
    for each in policies.values():
        metric = each["customizedMetricSpecification"]
        assert (metric["namespace"], metric["statistic"]) == ("llmstrat", "Average")
        assert f"MetricName={metric['metricName']}," in reported
        assert f"Unit={metric['unit']}" in reported
        assert metric["metricDimensions"] == [{"name": "AutoScalingGroupName", "value": "support-dev-fleet"}]
    group = fleet.one(GROUP).inputs
    assert (group["minSize"], group["maxSize"], "desiredCapacity" in group) == (1, 3, False)
    assert not served(tmp_path).of(POLICY)


HOURS_BLOCK = {"start": "0 7 * * 1-5", "stop": "0 19 * * 1-5", "timezone": "Europe/Berlin", "hours_per_week": 60}


def test_outside_its_hours_there_are_no_instances(tmp_path: Path) -> None:
    actions = {
        each.inputs["scheduledActionName"]: each.inputs
        for each in served(tmp_path, hours=HOURS_BLOCK, replicas={"min": 2, "max": 3}).of(HOURS)
    }
    sizes = {name: (each["minSize"], each["maxSize"], each["desiredCapacity"]) for name, each in actions.items()}
    assert sizes == {"start": (2, 3, 2), "stop": (0, 0, 0)}
    assert {name: (each["recurrence"], each["timeZone"]) for name, each in actions.items()} == {
        "start": ("0 7 * * 1-5", "Europe/Berlin"),
        "stop": ("0 19 * * 1-5", "Europe/Berlin"),
    }


def test_a_fleet_with_hours_stays_down_once_the_stack_has_ended(tmp_path: Path) -> None:
    """Emptying the group doesn't keep the next morning's action from filling it."""
    ends = [each.inputs["endTime"] for each in served(tmp_path, hours=HOURS_BLOCK).of(HOURS)]
    assert ends == ["2099-12-01T17:59:00Z"] * 2


def test_a_paused_fleet_stays_down_but_its_path_stays_up(tmp_path: Path) -> None:
    paused = served(tmp_path, paused=True, hours=HOURS_BLOCK, replicas={"min": 1, "max": 3})
    group = paused.one(GROUP).inputs
    assert (group["minSize"], group["maxSize"], group["desiredCapacity"]) == (0, 0, 0)
    assert not paused.of(HOURS)
    assert not paused.of(POLICY)
    assert paused.one("aws:lb/loadBalancer:LoadBalancer")
    assert paused.one("aws:apigatewayv2/vpcLink:VpcLink")


def test_the_end_of_the_stack_empties_the_group(fleet: Deployed) -> None:
    schedule = fleet.one(SCHEDULE).inputs
    assert schedule["scheduleExpression"] == "at(2099-12-01T18:00:00)"
    assert schedule["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:autoscaling:updateAutoScalingGroup"
    assert json.loads(schedule["target"]["input"]) == {
        "AutoScalingGroupName": "support-dev-fleet", "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0,
    }  # fmt: skip


def test_the_role_may_what_the_scripts_do(fleet: Deployed) -> None:
    may = allowed(fleet, "fleet")
    assert not [action for action in may if "*" in action]
    everywhere = {action for action, resources in may.items() if resources == ["*"]}
    assert everywhere == {
        "cloudwatch:PutMetricData",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
    assert may["autoscaling:SetInstanceHealth"] == [
        "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/support-dev-fleet"
    ]
    assert not [action for action in may if action.startswith("s3:")]


def test_metrics_go_to_the_projects_namespace_only(fleet: Deployed) -> None:
    policy = json.loads(fleet.one("aws:iam/rolePolicy:RolePolicy", "fleet").inputs["policy"])
    [metrics] = [each for each in policy["Statement"] if each["Action"] == ["cloudwatch:PutMetricData"]]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": "llmstrat"}}


def test_weights_in_s3_need_no_way_out_and_are_all_that_is_read(private: Deployed) -> None:
    assert not private.of("aws:ec2/natGateway:NatGateway")
    assert len(private.of(ENDPOINT)) > 1
    may = allowed(private, "fleet")
    objects = [
        resource
        for each in json.loads(private.one("aws:iam/rolePolicy:RolePolicy", "fleet").inputs["policy"])["Statement"]
        if each["Action"] == ["s3:GetObject"]
        for resource in each["Resource"]
    ]
    assert objects == ["arn:aws:s3:::bucket-of-ours/training/abc-1/output/*", "arn:aws:s3:::weights-of-ours/llama/*"]
    assert may["ecr:BatchGetImage"] == ["arn:aws:ecr:us-east-1:763104351884:repository/vllm"]
    assert "secretsmanager:GetSecretValue" not in may
    text = user_data(private.one(TEMPLATE))
    assert "  '--load-format'\n  'runai_streamer'\n" in text
    assert "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:server-cuda-v2.4" in text


def test_an_adapter_is_downloaded_to_where_the_engine_looks_for_it(private: Deployed) -> None:
    text = user_data(private.one(TEMPLATE))
    assert "tuned\ts3://bucket-of-ours/training/abc-1/output/\t-\n" in text
    assert '"path": "/cache/adapters/tuned"' in text


def test_the_relay_calls_the_fleet_by_the_private_path_alone(fleet: Deployed) -> None:
    assert (fleet.outputs["wire"], fleet.outputs["auth"]) == ("openai", "sigv4")
    assert fleet.outputs["base_url"].endswith("/v1")
    assert len(fleet.outputs["permitted"]) == 1
    assert fleet.outputs["fleet"]["group"] == "support-dev-fleet"
    assert fleet.outputs["fleet"]["log_group"] == "/llmstrat/support-dev/fleet"
    link = fleet.one("aws:apigatewayv2/vpcLink:VpcLink").inputs
    assert link["securityGroupIds"] == ["fleet-link-id"]
    assert fleet.one(LOG).inputs["retentionInDays"] == 30


def test_instances_wait_for_their_way_out_and_their_rights(fleet: Deployed) -> None:
    needed = fleet.one(GROUP).dependencies
    assert {"aws:ec2/route:Route::fleet", "aws:iam/rolePolicy:RolePolicy::fleet"} <= needed
    assert "aws:lb/listenerRule:ListenerRule::fleet" in needed
