"""What the account is asked before `up`, and what whoever deploys must be allowed to do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error
from ec2_kit import S3_MODEL, SERVING, TRAINING, resolve

from llmstrat_iac.components.ec2.permissions import permissions
from llmstrat_iac.components.ec2.preflight import preflight
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.plan import Finding, Severity


def findings(folder: Path, answers: dict[str, dict[str, Any]], **serving: Any) -> list[Finding]:
    return list(preflight(resolve(folder, serving=SERVING | serving), FakeAccount(answers)))


OFFERED = {"describe_instance_type_offerings": {"InstanceTypeOfferings": [{"Location": "us-east-1d"}]}}


def test_the_zones_that_offer_the_type_are_named(tmp_path: Path) -> None:
    [found] = findings(tmp_path, {"ec2": OFFERED})
    assert (found.severity, found.path) == (Severity.INFO, "serving.instance")
    assert found.message == "g6e.xlarge is offered in us-east-1d"


def test_a_region_without_the_type_is_refused(tmp_path: Path) -> None:
    [found] = findings(tmp_path, {})
    assert (found.severity, found.rule) == (Severity.ERROR, "aws.ec2.offering")
    assert "in no zone of us-east-1" in found.message
    assert found.remedy


@pytest.mark.parametrize(
    ("options", "answers"),
    [
        ({}, {"ssm": {"get_parameter": error("ParameterNotFound")}, "ec2": OFFERED}),
        ({"ami": "ami-00000001"}, {"ec2": OFFERED | {"describe_images": error("InvalidAMIID.NotFound")}}),
        ({"ami": "ami-00000001"}, {"ec2": OFFERED | {"describe_images": {"Images": [{"State": "pending"}]}}}),
    ],
)
def test_an_image_that_isnt_there_is_refused(
    options: dict[str, str], answers: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    found = findings(tmp_path, answers, options=options)
    assert [each.rule for each in found if each.severity is Severity.ERROR] == ["aws.ec2.image"]
    assert found[-1].path == "serving.options.ami"


OWN_IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/engines/vllm:v0.27.1-cu130"


@pytest.mark.parametrize(
    ("answer", "severity"),
    [
        ({"images": [{}], "failures": []}, None),
        ({"failures": [{"failureReason": "Requested image not found"}]}, Severity.ERROR),
        (error("AccessDeniedException"), Severity.WARNING),
    ],
)
def test_a_container_of_ones_own_is_asked_for(answer: Any, severity: Severity | None, tmp_path: Path) -> None:
    answers = {"ec2": OFFERED, "ecr": {"batch_get_image": answer}}
    found = {each.rule: each for each in findings(tmp_path, answers, options={"image": OWN_IMAGE})}
    container = found.get("aws.ec2.container")
    assert (container and container.severity) == severity
    assert container is None or container.path == "serving.options.image"
    statements = permissions(resolve(tmp_path, serving=SERVING | {"options": {"image": OWN_IMAGE}}))
    asked = [each for each in statements if "ecr:BatchGetImage" in each.actions]
    assert [each.resources for each in asked] == [
        ("arn:{partition}:ecr:us-east-1:111122223333:repository/engines/vllm",)
    ]


def test_what_isnt_quite_in_ecr_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LlmstratError, match="no image in ECR"):
        resolve(tmp_path, serving=SERVING | {"options": {"image": "1234.dkr.ecr.us-east-1.amazonaws.com/vllm:v1"}})


def test_what_may_not_be_asked_is_the_callers_to_report(tmp_path: Path) -> None:
    refusal = error("AccessDeniedException")
    with pytest.raises(type(refusal)):
        findings(tmp_path, {"ec2": OFFERED, "ssm": {"get_parameter": refusal}})


def actions(folder: Path, **blocks: Any) -> set[str]:
    return {action for each in permissions(resolve(folder, **blocks)) for action in each.actions}


def test_each_part_of_the_spec_asks_for_what_it_registers(tmp_path: Path) -> None:
    training, spot = actions(tmp_path, training=TRAINING), actions(tmp_path, training=TRAINING | {"capacity": "spot"})
    serving = actions(tmp_path, serving=SERVING)
    assert "ec2:CreateVpc" in training & spot & serving
    assert "ec2:RunInstances" in training & spot & serving
    assert "autoscaling:CreateAutoScalingGroup" in spot & serving
    assert "autoscaling:CreateAutoScalingGroup" not in training
    assert "elasticloadbalancing:CreateLoadBalancer" in serving
    assert not {each for each in training | spot if each.startswith("elasticloadbalancing")}


def test_no_way_out_asks_for_no_nat_gateway(tmp_path: Path) -> None:
    assert "ec2:CreateNatGateway" not in actions(tmp_path, model=S3_MODEL, serving=SERVING)
    assert "ec2:CreateNatGateway" in actions(tmp_path, serving=SERVING)


def test_wildcards_are_for_calls_that_only_look(tmp_path: Path) -> None:
    both = permissions(resolve(tmp_path, training=TRAINING | {"capacity": "spot"}, serving=SERVING))
    for statement in both:
        assert statement.reason
        assert not [action for action in statement.actions if "*" in action]
        if "*" in statement.resources:
            assert _only_look(statement.actions)


def _only_look(names: Iterable[str]) -> bool:
    return all(name.partition(":")[2].startswith(("Describe", "Get", "List")) for name in names)
