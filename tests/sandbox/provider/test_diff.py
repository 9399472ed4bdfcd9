"""Diff: what counts as a change, what replaces, and what goes first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmstrat_iac.sandbox.provider.compare import canonical_json, is_empty
from llmstrat_iac.sandbox.provider.diff import Diff, compute_diff
from llmstrat_iac.sandbox.provider.schema import resource_schema
from llmstrat_iac.sandbox.provider.table import load_table
from llmstrat_iac.sandbox.provider.values import UNKNOWN, Blob

FUNCTION = "aws:lambda/function:Function"
ROLE = "aws:iam/role:Role"
PLAN = "aws:apigateway/usagePlan:UsagePlan"
INTEGRATION = "aws:apigateway/integration:Integration"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
BUDGET = "aws:budgets/budget:Budget"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"


def diff(token: str, state: dict[str, Any], news: dict[str, Any], *, before: Any = None, ignore: Any = ()) -> Diff:
    row, schema = load_table()[token], resource_schema(token)
    olds = state if before is None else before
    return compute_diff(row, schema, state=state, old_inputs=olds, news=news, ignore=ignore)


def kinds(found: Diff) -> dict[str, str]:
    return {change.path: change.kind for change in found.changes}


POLICY = {"Statement": [{"Action": ["b", "a"], "Resource": ["x"]}], "Version": "1"}
SAME_POLICY = {"Version": "1", "Statement": [{"Resource": "x", "Action": ["a", "b"]}]}


@pytest.mark.parametrize(
    ("token", "state", "news"),
    [
        (ROLE, {"assumeRolePolicy": json.dumps(POLICY)}, {"assumeRolePolicy": json.dumps(SAME_POLICY, indent=2)}),
        (ROLE, {"description": ""}, {}),
        (ROLE, {}, {"description": "", "tags": {}, "inlinePolicies": []}),
        (ROLE, {"managedPolicyArns": ["a", "b"]}, {"managedPolicyArns": ["b", "a"]}),
        (ROLE, {"managedPolicyArns": ["a"], "arn": "x", "uniqueId": "y"}, {}),
        (ALARM, {"alarmActions": ["a", "b"]}, {"alarmActions": ["b", "a"]}),
        (BUDGET, {"limitAmount": "100.0"}, {"limitAmount": "100"}),
        (BUDGET, {"costTypes": {"includeTax": True}}, {}),
        ("aws:kms/alias:Alias", {"targetKeyId": "k-1"}, {"targetKeyId": "arn:aws:kms:us-east-1:0:key/k-1"}),
        (FUNCTION, {"code": Blob("archive", {"hash": "h"})}, {"code": Blob("archive", {"hash": "h", "path": "p"})}),
        (FUNCTION, {"tracingConfig": {"mode": "PassThrough"}}, {}),
        (FUNCTION, {"loggingConfig": {"logFormat": "Text", "logGroup": "g"}}, {"loggingConfig": {"logFormat": "Text"}}),
        (INTEGRATION, {"cacheNamespace": "n", "passthroughBehavior": "WHEN_NO_MATCH"}, {}),
        (ROLE, {}, {"__defaults": ["name"]}),
        (FUNCTION, {}, {"region": "us-east-1"}),
    ],
)  # fmt: skip
def test_equal_things_make_no_diff(token: str, state: dict[str, Any], news: dict[str, Any]) -> None:
    assert kinds(diff(token, state, news, before=news)) == {}


@pytest.mark.parametrize(
    ("token", "state", "news", "expected"),
    [
        (ROLE, {"description": "a"}, {"description": "b"}, {"description": "update"}),
        (ROLE, {"description": "a"}, {}, {"description": "delete"}),
        (ROLE, {"maxSessionDuration": 3600}, {"maxSessionDuration": UNKNOWN}, {"maxSessionDuration": "update"}),
        (ROLE, {"tags": {"a.b": "1", "c": "2"}}, {"tags": {"a.b": "2", "d": "3"}},
         {'tags["a.b"]': "update", "tags.c": "delete", "tags.d": "add"}),
        (FUNCTION, {"environment": {"variables": {"A": "1"}}}, {"environment": {"variables": {"A": "2"}}},
         {"environment.variables.A": "update"}),
        (FUNCTION, {"layers": ["a"]}, {"layers": ["a", "b"]}, {"layers[1]": "add"}),
        (FUNCTION, {"code": Blob("archive", {"hash": "h"})}, {"code": Blob("archive", {"hash": "i"})},
         {"code": "update"}),
        (PLAN, {"apiStages": [{"apiId": "a", "stage": "s"}, {"apiId": "b", "stage": "s"}]},
         {"apiStages": [{"apiId": "b", "stage": "s"}]}, {"apiStages[0]": "delete"}),
        (BUDGET, {"limitAmount": "100.0"}, {"limitAmount": "101"}, {"limitAmount": "update"}),
        (FUNCTION, {"publish": False}, {"publish": True}, {"publish": "update"}),
    ],
)  # fmt: skip
def test_changes_have_paths_and_kinds(
    token: str, state: dict[str, Any], news: dict[str, Any], expected: dict[str, str]
) -> None:
    assert kinds(diff(token, state, news)) == expected


def test_drift_of_a_property_that_was_never_set_shows() -> None:
    assert kinds(diff(ROLE, {"description": "by hand"}, {}, before={})) == {"description": "delete"}


@pytest.mark.parametrize(
    ("token", "state", "news", "replaces"),
    [
        (ROLE, {"path": "/"}, {"path": "/x/"}, {"path"}),
        (ROLE, {"name": "a", "description": "a"}, {"name": "b", "description": "b"}, {"name"}),
        (VERSION, {"secretString": "a"}, {"secretString": "b"}, {"secretString"}),
        (VERSION, {"secretString": "a"}, {"secretString": UNKNOWN}, {"secretString"}),
        (FUNCTION, {}, {"tenancyConfig": {"tenantIsolationMode": "PER_TENANT"}}, {"tenancyConfig"}),
        (FUNCTION, {"timeout": 3}, {"timeout": 4}, set()),
        (FUNCTION, {"region": "us-east-1"}, {"region": "eu-west-1"}, {"region"}),
    ],
)
def test_what_replaces(token: str, state: dict[str, Any], news: dict[str, Any], replaces: set[str]) -> None:
    assert diff(token, state, news).replaces == replaces


@pytest.mark.parametrize(
    ("token", "news", "first"),
    [
        (ROLE, {"name": "given", "__defaults": []}, True),
        (ROLE, {"name": "made", "__defaults": ["name"]}, False),
        (ROLE, {"namePrefix": "x", "__defaults": []}, False),
        (INTEGRATION, {"__defaults": []}, True),
        ("aws:apigateway/stage:Stage", {"stageName": "given"}, False),
        ("aws:s3/bucketObjectv2:BucketObjectv2", {"key": "given"}, False),
    ],
)
def test_what_is_deleted_before_it_is_replaced(token: str, news: dict[str, Any], first: bool) -> None:
    assert diff(token, {}, news).delete_before_replace is first


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        (["description"], {"tags.a", "tags.b"}),
        (["tags"], {"description"}),
        (["tags.a"], {"description", "tags.b"}),
        (['tags["a"]', "description"], {"tags.b"}),
        (["tags[*]"], {"description"}),
    ],
)
def test_ignored_changes(ignore: list[str], left: set[str]) -> None:
    state, news = {"description": "a", "tags": {"a": "1"}}, {"description": "b", "tags": {"a": "2", "b": "3"}}
    assert set(kinds(diff(ROLE, state, news, ignore=ignore))) == left


@pytest.mark.parametrize("value", [None, "", 0, False, [], {}, {"a": None, "b": {"c": []}}])
def test_empty_values(value: Any) -> None:
    assert is_empty(value)


@pytest.mark.parametrize("value", ["x", 1, True, [0], [""], {"a": 1}])
def test_values_that_say_something(value: Any) -> None:
    assert not is_empty(value)


def test_text_that_is_no_json_is_compared_as_it_is() -> None:
    assert canonical_json("{not json") == "{not json"
