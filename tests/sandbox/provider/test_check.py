"""Check: exact validation, names, defaults and tags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmstrat_iac.sandbox.provider.check import Checked, Naming, check_inputs
from llmstrat_iac.sandbox.provider.config import ProviderConfig
from llmstrat_iac.sandbox.provider.schema import resource_schema
from llmstrat_iac.sandbox.provider.table import load_table
from llmstrat_iac.sandbox.provider.values import UNKNOWN, Blob, Secret

CONFIG = ProviderConfig("eu-west-1", {"owner": "me", "team": "none"}, ignore_prefixes=("aws:",))
FUNCTION = "aws:lambda/function:Function"
ROLE = "aws:iam/role:Role"


def check(token: str, news: dict[str, Any], olds: dict[str, Any] | None = None, **options: Any) -> Checked:
    row, schema = load_table()[token], resource_schema(token)
    options = {"name": "Thing", "config": CONFIG, "seed": b"seed", **options}
    return check_inputs(row, schema, news=news, olds=olds or {}, **options)


def failures(token: str, **news: Any) -> dict[str, str]:
    return {failure.path: failure.reason for failure in check(token, news).failures}


@pytest.mark.parametrize(
    ("token", "news", "path", "reason"),
    [
        (ROLE, {}, "assumeRolePolicy", "missing required property"),
        (ROLE, {"assumeRolePolicy": None}, "assumeRolePolicy", "missing required property"),
        (ROLE, {"assumeRolePolicy": "{}", "tag": {}}, "tag", "no such property; did you mean `tags`?"),
        (ROLE, {"assumeRolePolicy": "{}", "zzz": 1}, "zzz", "no such property"),
        (ROLE, {"assumeRolePolicy": "{}", "arn": "x"}, "arn", "no such property"),
        (ROLE, {"assumeRolePolicy": 5}, "assumeRolePolicy", "expected an object, got the number 5"),
        (ROLE, {"assumeRolePolicy": "{}", "maxSessionDuration": "3600"}, "maxSessionDuration", "an integer, got a s"),
        (ROLE, {"assumeRolePolicy": "{}", "maxSessionDuration": 1.5}, "maxSessionDuration", "expected an integer"),
        (ROLE, {"assumeRolePolicy": "{}", "forceDetachPolicies": 1}, "forceDetachPolicies", "expected a boolean"),
        (ROLE, {"assumeRolePolicy": "{}", "tags": {"a": 1}}, "tags.a", "expected a string"),
        (ROLE, {"assumeRolePolicy": "{}", "tags": ["a"]}, "tags", "expected a map, got a list"),
        (FUNCTION, {"role": "r", "tracingConfig": {}}, "tracingConfig.mode", "missing required property"),
        (FUNCTION, {"role": "r", "vpcConfig": {"subnets": []}}, "vpcConfig.subnets", "did you mean `subnetIds`?"),
        (FUNCTION, {"role": "r", "environment": {"variables": {"A": 1}}}, "environment.variables.A", "a string"),
        (FUNCTION, {"role": "r", "layers": ["a", True]}, "layers[1]", "expected a string, got the boolean true"),
        (FUNCTION, {"role": "r", "code": Blob("asset", {"text": "x"})}, "code", "expected an Archive, got an Asset"),
        (FUNCTION, {"role": "r", "memory_size": 128}, "memory_size", "did you mean `memorySize`?"),
    ],
)  # fmt: skip
def test_bad_inputs_are_rejected_by_path(token: str, news: dict[str, Any], path: str, reason: str) -> None:
    assert reason in failures(token, **news)[path]


def test_what_may_still_become_right_passes() -> None:
    news = {"role": UNKNOWN, "code": Blob("archive", {}), "timeout": Secret(UNKNOWN), "tags": {"a": UNKNOWN}}
    assert failures(FUNCTION, **news) == {}


def test_defaults_region_and_name_are_filled_and_named() -> None:
    inputs = check(FUNCTION, {"role": "r", "timeout": 9}).inputs
    assert (inputs["timeout"], inputs["memorySize"], inputs["region"]) == (9, 128, "eu-west-1")
    assert {"memorySize", "name", "region"} <= set(inputs["__defaults"])
    assert "timeout" not in inputs["__defaults"]
    assert "region" not in check(ROLE, {"assumeRolePolicy": "{}"}).inputs


def test_a_name_is_random_and_stays() -> None:
    first = check(ROLE, {"assumeRolePolicy": "{}"}, seed=b"1").inputs
    assert first["name"][:6] == "Thing-"
    assert len(first["name"]) == len("Thing-") + 7
    assert check(ROLE, {"assumeRolePolicy": "{}"}, seed=b"1").inputs["name"] == first["name"]
    assert check(ROLE, {"assumeRolePolicy": "{}"}, seed=b"2").inputs["name"] != first["name"]
    assert check(ROLE, {"assumeRolePolicy": "{}"}, first, seed=b"2").inputs["name"] == first["name"]


def test_dropping_an_explicit_name_generates_one() -> None:
    olds = {"name": "mine", "__defaults": []}
    assert check(ROLE, {"assumeRolePolicy": "{}"}, olds).inputs["name"] != "mine"


@pytest.mark.parametrize(
    ("token", "news", "target", "start", "end"),
    [
        ("aws:s3/bucket:Bucket", {}, "bucket", "thing-", ""),
        ("aws:kms/alias:Alias", {"targetKeyId": "k"}, "name", "alias/Thing-", ""),
        ("aws:sns/topic:Topic", {"fifoTopic": True}, "name", "Thing-", ".fifo"),
        ("aws:s3/bucketObjectv2:BucketObjectv2", {"bucket": "b"}, "key", "Thing", "Thing"),
    ],
)
def test_names_of_special_form(token: str, news: dict[str, Any], target: str, start: str, end: str) -> None:
    name = check(token, news).inputs[target]
    assert name.startswith(start)
    assert name.endswith(end)


def test_types_without_generated_names_get_none() -> None:
    stage = {"restApi": "a", "deployment": "d"}
    assert failures("aws:apigateway/stage:Stage", **stage) == {"stageName": "missing required property"}


def test_a_prefix_takes_the_place_of_a_name() -> None:
    assert "name" not in check(ROLE, {"assumeRolePolicy": "{}", "namePrefix": "x-"}).inputs


def test_a_name_that_gets_too_long_is_refused() -> None:
    found = check(ROLE, {"assumeRolePolicy": "{}"}, name="x" * 57)
    assert "longer than maximum length 64" in found.failures[0].reason


@pytest.mark.parametrize(
    ("naming", "name"), [(Naming("propose", "Thing-1234"), "Thing-1234"), (Naming("enforce", "exact"), "exact")]
)
def test_the_engine_may_name(naming: Naming, name: str) -> None:
    assert check(ROLE, {"assumeRolePolicy": "{}"}, naming=naming).inputs["name"] == name


def test_the_engine_may_forbid_generated_names() -> None:
    assert check(ROLE, {"assumeRolePolicy": "{}"}, naming=Naming("disable")).failures[0].path == "name"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (None, {"owner": "me", "team": "none"}),
        ({"team": "a", "aws:x": "hidden"}, {"owner": "me", "team": "a"}),
        (UNKNOWN, UNKNOWN),
        (Secret({"a": "b"}), Secret({"owner": "me", "team": "none", "a": "b"})),
    ],
)
def test_all_tags_are_known_in_check(tags: Any, expected: Any) -> None:
    assert check(ROLE, {"assumeRolePolicy": "{}", "tags": tags}).inputs["tagsAll"] == expected


def test_a_policy_given_as_an_object_becomes_text() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "a"}]}
    inputs = check(ROLE, {"assumeRolePolicy": document}).inputs
    assert json.loads(inputs["assumeRolePolicy"]) == document


def test_secrets_stay_secret() -> None:
    secret = {"variables": {"KEY": Secret("x")}}
    assert check(FUNCTION, {"role": "r", "environment": secret}).inputs["environment"] == secret
