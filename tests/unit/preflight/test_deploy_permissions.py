"""The deployer's policy: of every example, exact actions that exist, of this stack's resources; and its simulation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.components.deploy_permissions import (
    MOST,
    check_permissions,
    deployer_statements,
    policies_of,
    policy_of,
    policy_statements,
    size_of,
)
from llmstrat_iac.components.deploy_statements import unlisted
from llmstrat_iac.hookspecs import IamStatement
from llmstrat_iac.plan import Severity
from llmstrat_iac.planner.load import load_spec

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").rglob("*.yaml"))
# IAM's own names: API Gateway's are HTTP verbs, S3's and budgets' partly differ from the operations.
OWN_NAMES = {"apigateway", "s3", "budgets", "iam:PassRole", "tag"}
CLIENTS = {
    "ssm": "ssm",
    "autoscaling": "autoscaling",
    "elasticloadbalancing": "elbv2",
    "servicequotas": "service-quotas",
}
BY_VPC = re.compile(r"^arn:aws:ec2:")

CLOUD_CONTROL = {"CreateResource", "GetResource", "UpdateResource", "DeleteResource", "ListResources"} | {
    "GetResourceRequestStatus",
    "CancelResourceRequest",
    "ListResourceRequests",
}
"""Permitted under CloudFormation's prefix, called by a client of its own."""


def stack(path: Path) -> Any:
    return load_spec(path)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_planned_type_has_its_permissions(path: Path) -> None:
    resolved = stack(path)
    types = {each.type for each in resolved.strategy.plan(resolved).resources}
    runtimes = {"aws:ec2/", "aws:lb/", "aws:autoscaling/", "aws:sagemaker/", "aws:appautoscaling/", "aws:cloudcontrol/"}
    own = tuple(runtimes) if resolved.runtimes else ("-",)
    rest = ("aws:vpc/", "aws:apigatewayv2/", "aws:iam/instanceProfile:", "aws:fsx/", "aws:cloudwatch/")
    missing = [each for each in unlisted(types) if not each.startswith((*own, *rest))]
    assert missing == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: "/".join(path.parts[-3:]))
def test_the_policy_comes_in_parts_that_iam_takes(path: Path) -> None:
    statements = policy_statements(stack(path))
    place = {"partition": "aws", "region": "us-east-1", "account": "123456789012"}
    parts = policies_of(statements, **place)
    assert max(size_of(part) for part in parts) <= MOST
    assert len(parts) <= 10, "the usual quota of policies a role"
    whole = policy_of(statements, **place)["Statement"]
    assert [each["Action"] for part in parts for each in part["Statement"]] == [each["Action"] for each in whole]
    assert len({(each.resources, each.reason) for each in statements}) == len(statements)


def test_what_preflight_and_sweep_ask_is_printed_and_no_condition_of_a_deployment() -> None:
    path = next(path for path in EXAMPLES if path.parent.name == "llama-3.1-8b-serve")
    printed, needed = (
        {action for each in statements for action in each.actions}
        for statements in (policy_statements(stack(path)), deployer_statements(stack(path)))
    )
    assert {"servicequotas:GetServiceQuota", "iam:SimulatePrincipalPolicy", "iam:ListRoles"} <= printed - needed
    assert "logs:GetLogEvents" in needed, "why an instance failed is in the fleet's log"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_action_is_a_wildcard_and_every_wildcard_resource_is_explained(path: Path) -> None:
    for statement in policy_statements(stack(path)):
        assert not [action for action in statement.actions if "*" in action]
        assert statement.reason
        if "*" in statement.resources:
            assert "no resource" in statement.reason or "no narrower" in statement.reason, statement


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_action_is_an_operation_of_its_service(path: Path) -> None:
    for action in {action for statement in policy_statements(stack(path)) for action in statement.actions}:
        service, operation = action.split(":")
        if service in OWN_NAMES or action in OWN_NAMES:
            continue
        name = "cloudcontrol" if operation in CLOUD_CONTROL else CLIENTS.get(service, service)
        client = boto3.client(name, region_name="us-east-1")
        assert operation in client.meta.service_model.operation_names, action


def test_a_strategy_without_tuning_needs_no_bedrock() -> None:
    resolved = stack(next(path for path in EXAMPLES if path.name == "one-provider.yaml"))
    assert not [each for each in deployer_statements(resolved) if each.actions[0].startswith("bedrock:")]


def test_the_policy_is_filled_in() -> None:
    statement = IamStatement(("sns:CreateTopic",), ("arn:{partition}:sns:{region}:{account}:x-*",), "where alarms go")
    (made,) = policy_of([statement], partition="aws", region="eu-west-1", account="1")["Statement"]
    assert made == {
        "Sid": "WhereAlarmsGo",
        "Effect": "Allow",
        "Action": ["sns:CreateTopic"],
        "Resource": ["arn:aws:sns:eu-west-1:1:x-*"],
    }


STATEMENT = IamStatement(("sns:CreateTopic", "sns:Subscribe"), ("arn:{partition}:sns:{region}:{account}:x-??",), "x")


def simulated(arn: str, decisions: dict[str, str]) -> FakeAccount:
    def answer(PolicySourceArn: str, ActionNames: list[str], ResourceArns: list[str]) -> Any:
        assert PolicySourceArn == "arn:aws:iam::1:role/teams/deploy"
        assert ResourceArns == ["arn:aws:sns:eu-west-1:1:x-xx"]
        return {
            "EvaluationResults": [
                {"EvalActionName": name, "EvalDecision": decisions.get(name, "allowed")} for name in ActionNames
            ]
        }

    return FakeAccount(
        {
            "sts": {"get_caller_identity": {"Account": "1", "Arn": arn}},
            "iam": {
                "get_role": {"Role": {"Arn": "arn:aws:iam::1:role/teams/deploy"}},
                "simulate_principal_policy": answer,
            },
        }
    )


SESSION = "arn:aws:sts::1:assumed-role/deploy/me"


def test_what_is_denied_is_named() -> None:
    account = simulated(SESSION, {"sns:Subscribe": "implicitDeny"})
    (finding,) = check_permissions([STATEMENT], account, region="eu-west-1")
    assert finding.severity is Severity.ERROR
    assert finding.message == f"{SESSION} may not: sns:Subscribe"
    assert "llmstrat iam" in finding.remedy


def test_all_allowed_is_said() -> None:
    (finding,) = check_permissions([STATEMENT], simulated(SESSION, {}), region="eu-west-1")
    assert (finding.severity, finding.message) == (
        Severity.INFO,
        "the deployer may do all 2 actions that the spec needs",
    )


def test_a_simulation_that_is_not_allowed_is_unknown() -> None:
    account = simulated(SESSION, {})
    account.answers["iam"]["simulate_principal_policy"] = error("AccessDenied")
    (finding,) = check_permissions([STATEMENT], account, region="eu-west-1")
    assert finding.severity is Severity.WARNING
