"""The sweep of strategy A: everything that is left and ours is found, nothing of others is touched."""

from __future__ import annotations

from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.hookspecs import Leftover
from llmstrat_iac.strategies.closed_api.sweep import sweep

STACK = "demo-dev"
OURS = {"llmstrat:stack": STACK}
OURS_LIST = [{"Key": "llmstrat:stack", "Value": STACK}]
THEIRS = {"llmstrat:stack": "demo-dev-x-prod"}
REMOVING = ("delete_", "detach_", "update_")
ABSENT = error("ResourceNotFoundException")


def _account(**changes: dict[str, Any]) -> FakeAccount:
    """An account in which a whole gateway was left behind, beside things of other stacks."""
    answers: dict[str, dict[str, Any]] = {
        "scheduler": {
            "list_schedule_groups": {
                "ScheduleGroups": [
                    {"Name": STACK, "Arn": "arn:group", "State": "ACTIVE"},
                    {"Name": "demo-dev-fleet", "Arn": "arn:going", "State": "DELETING"},
                ]
            },
            "list_tags_for_resource": {"Tags": OURS_LIST},
        },
        "apigateway": {
            "get_usage_plans": {
                "items": [
                    {"id": "p1", "name": "plan", "tags": OURS, "apiStages": [{"apiId": "a1", "stage": "v1"}]},
                    {"id": "p2", "name": "theirs", "tags": THEIRS},
                ]
            },
            "get_api_keys": {
                "items": [{"id": "k1", "name": "demo-dev-web-1", "tags": OURS}, {"id": "k2", "name": "demo-dev-x"}]
            },
            "get_rest_apis": {
                "items": [{"id": "a1", "name": STACK, "tags": OURS}, {"id": "a2", "name": STACK, "tags": {}}]
            },
        },
        "lambda": {
            "get_function": lambda FunctionName: (
                {"Tags": OURS if FunctionName == "demo-dev-relay" else {}}  # the other is a stranger's by its tags
            ),
        },
        "secretsmanager": {
            "list_secrets": {
                "SecretList": [
                    {"Name": "demo-dev-openai-api-key", "ARN": "arn:s1", "Tags": OURS_LIST, "DeletedDate": "soon"},
                    {"Name": "demo-dev-x-prod-openai-api-key", "ARN": "arn:s2", "Tags": []},
                ]
            }
        },
        "dynamodb": {
            "describe_table": {"Table": {"TableArn": "arn:t", "TableStatus": "ACTIVE"}},
            "list_tags_of_resource": {"Tags": OURS_LIST},
        },
        "cloudwatch": {
            "describe_alarms": {"MetricAlarms": [{"AlarmName": "demo-dev-api-5xx", "AlarmArn": "arn:alarm"}]},
            "list_tags_for_resource": {"Tags": OURS_LIST},
        },
        "sns": {
            "list_topics": {"Topics": [{"TopicArn": "arn:aws:sns:r:1:demo-dev-alarms"}, {"TopicArn": "a:b:other"}]},
            "list_tags_for_resource": {"Tags": OURS_LIST},
        },
        "sts": {"get_caller_identity": {"Account": "1", "Arn": "arn:aws:iam::1:user/x"}},
        "budgets": {"describe_budget": {"Budget": {}}, "list_tags_for_resource": {"ResourceTags": OURS_LIST}},
        "iam": {
            "list_roles": {"Roles": [{"RoleName": "demo-dev-relay", "Path": "/llmstrat/demo-dev/"}]},
            "list_role_policies": {"PolicyNames": ["least-privilege"]},
            "list_attached_role_policies": {"AttachedPolicies": [{"PolicyArn": "arn:policy"}]},
        },
        "logs": {
            "describe_log_groups": lambda logGroupNamePrefix: {
                "logGroups": [
                    {"logGroupName": name, "storedBytes": 7}
                    for name in (
                        "/llmstrat/demo-dev/relay",
                        "/aws/lambda/demo-dev-relay",
                        "/aws/lambda/demo-dev-relay-2",
                    )
                    if name.startswith(logGroupNamePrefix)
                ]
            }
        },
        "resourcegroupstaggingapi": {
            "get_resources": {
                "ResourceTagMappingList": [
                    {"ResourceARN": "arn:aws:lambda:us-east-1:1:function:demo-dev-relay"},
                    {"ResourceARN": "arn:aws:ec2:us-east-1:1:instance/i-1"},
                ]
            }
        },
    }
    return FakeAccount(answers | changes)


def _ids(leftovers: list[Leftover]) -> list[str]:
    return [leftover.id for leftover in leftovers]


def test_everything_of_the_stack_is_found_and_nothing_of_others() -> None:
    found = list(sweep(STACK, _account(), remove=False))
    assert _ids(found) == [
        "demo-dev",
        "p1",
        "k1",
        "a1",
        "demo-dev-relay",
        "demo-dev-openai-api-key",
        "demo-dev-token-budget",
        "demo-dev-api-5xx",
        "arn:aws:sns:r:1:demo-dev-alarms",
        "demo-dev",
        "demo-dev-relay",
        "/llmstrat/demo-dev/relay",
        "/aws/lambda/demo-dev-relay",
        "arn:aws:ec2:us-east-1:1:instance/i-1",
    ]


def test_looking_removes_nothing() -> None:
    account = _account()
    assert not any(leftover.removed for leftover in sweep(STACK, account, remove=False))
    assert account.operations(*REMOVING) == []


def test_removal_is_in_an_order_that_aws_accepts() -> None:
    account = _account()
    leftovers = list(sweep(STACK, account, remove=True))
    assert account.operations(*REMOVING) == [
        "delete_schedule_group",
        "update_usage_plan",
        "delete_usage_plan",
        "delete_api_key",
        "delete_rest_api",
        "delete_function",
        "delete_secret",
        "delete_table",
        "delete_alarms",
        "delete_topic",
        "delete_budget",
        "delete_role_policy",
        "detach_role_policy",
        "delete_role",
        "delete_log_group",
        "delete_log_group",
    ]
    assert [leftover.id for leftover in leftovers if not leftover.removed] == ["arn:aws:ec2:us-east-1:1:instance/i-1"]


def test_an_api_keys_value_is_never_asked_for() -> None:
    account = _account()
    list(sweep(STACK, account, remove=False))
    (arguments,) = [arguments for _, operation, arguments in account.calls if operation == "get_api_keys"]
    assert arguments["includeValues"] is False


def test_a_planned_deletion_is_no_bill_but_is_said() -> None:
    (secret,) = [each for each in sweep(STACK, _account(), remove=False) if each.type == "secretsmanager secret"]
    assert not secret.billed
    assert "deletion is planned" in secret.detail


def test_what_may_not_be_looked_at_is_not_taken_for_gone() -> None:
    account = _account(dynamodb={"describe_table": error("AccessDeniedException")})
    (table,) = [each for each in sweep(STACK, account, remove=True) if each.type == "dynamodb table"]
    assert (table.id, table.removed) == ("*", False)
    assert table.detail == "couldn't be checked: AccessDeniedException: AccessDeniedException it is"


def test_what_cant_be_removed_says_why_and_stops_nothing_else() -> None:
    account = _account()
    account.answers["apigateway"]["delete_rest_api"] = error("TooManyRequestsException")
    leftovers = {each.type: each for each in sweep(STACK, account, remove=True)}
    assert not leftovers["apigateway REST API"].removed
    assert "TooManyRequestsException" in leftovers["apigateway REST API"].detail
    assert leftovers["logs log group"].removed


def test_what_vanishes_meanwhile_counts_as_removed() -> None:
    account = _account()
    account.answers["lambda"]["delete_function"] = ABSENT
    (function,) = [each for each in sweep(STACK, account, remove=True) if each.type == "lambda function"]
    assert function.removed


@pytest.mark.parametrize("remove", [True, False])
def test_in_an_empty_account_nothing_is_left(remove: bool) -> None:
    account = FakeAccount(
        {
            "lambda": {"get_function": ABSENT},
            "dynamodb": {"describe_table": ABSENT},
            "sts": {"get_caller_identity": {"Account": "1", "Arn": "arn:aws:iam::1:user/x"}},
            "budgets": {"describe_budget": error("NotFoundException")},
        }
    )
    assert list(sweep(STACK, account, remove=remove)) == []
    assert account.operations(*REMOVING) == []
