"""A consumer's key as a resource: what changes replace or update it, and what API Gateway is told."""

from __future__ import annotations

import base64
import pickle
import pickletools
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pulumi.dynamic.dynamic import serialize_provider

from llmstrat_iac.components.consumer_key import ConsumerKeyProvider
from llmstrat_iac.components.key_registration import (
    KeyRequest,
    Registered,
    enrol,
    look_up,
    register,
    retag,
    unregister,
    withdraw,
)
from llmstrat_iac.components.key_seed import digest_of

VALUE = "skllmstrat" + "a" * 43
REQUEST = KeyRequest("demo-dev-web-1", "a key", VALUE, "plan-1", {"llmstrat:stack": "demo-dev"})
PROPS: dict[str, Any] = {
    "region": "us-east-1",
    "name": "demo-dev-web-1",
    "value": VALUE,
    "usage_plan_id": "plan-1",
    "tags": {"llmstrat:stack": "demo-dev"},
}
STATE: dict[str, Any] = {name: value for name, value in PROPS.items() if name != "value"} | {"sha256": digest_of(VALUE)}


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Operation")


@dataclass
class ApiGateway:
    """API Gateway's keys and plans, as far as they go; `failing` are operations that are refused."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    plans: dict[str, set[str]] = field(default_factory=lambda: {"plan-1": set(), "plan-2": set()})
    failing: dict[str, str] = field(default_factory=dict)

    def create_api_key(self, **key: Any) -> dict[str, Any]:
        if any(each["value"] == key["value"] for each in self.keys.values()):
            raise _error("ConflictException")
        identity = f"k{len(self.keys) + 1}"
        self.keys[identity] = {"id": identity, **key}
        return self.keys[identity]

    def create_usage_plan_key(self, *, usagePlanId: str, keyId: str, keyType: str) -> None:
        assert keyType == "API_KEY"
        if "create_usage_plan_key" in self.failing:
            raise _error(self.failing["create_usage_plan_key"])
        if any(keyId in members for members in self.plans.values()):
            raise _error("ConflictException")
        self.plans[usagePlanId].add(keyId)

    def delete_usage_plan_key(self, *, usagePlanId: str, keyId: str) -> None:
        if keyId not in self.plans.get(usagePlanId, ()):
            raise _error("NotFoundException")
        self.plans[usagePlanId].remove(keyId)

    def get_usage_plan_key(self, *, usagePlanId: str, keyId: str) -> dict[str, str]:
        if keyId not in self.plans.get(usagePlanId, ()):
            raise _error("NotFoundException")
        return {"id": keyId}

    def get_api_key(self, *, apiKey: str, includeValue: bool) -> dict[str, Any]:
        assert not includeValue
        if apiKey not in self.keys:
            raise _error("NotFoundException")
        return self.keys[apiKey]

    def get_paginator(self, operation: str) -> ApiGateway:
        assert operation == "get_api_keys"
        return self

    def paginate(self, *, nameQuery: str, includeValues: bool) -> list[dict[str, Any]]:
        assert includeValues
        return [{"items": [key for key in self.keys.values() if key["name"].startswith(nameQuery)]}]

    def delete_api_key(self, *, apiKey: str) -> None:
        if self.keys.pop(apiKey, None) is None:
            raise _error("NotFoundException")
        for members in self.plans.values():
            members.discard(apiKey)

    def tag_resource(self, *, resourceArn: str, tags: dict[str, str]) -> None:
        self.keys[resourceArn.rsplit("/", 1)[1]]["tags"] |= tags

    def untag_resource(self, *, resourceArn: str, tagKeys: list[str]) -> None:
        for name in tagKeys:
            del self.keys[resourceArn.rsplit("/", 1)[1]]["tags"][name]


def test_a_registered_key_is_in_its_plan() -> None:
    api = ApiGateway()
    identity = register(api, REQUEST)
    assert api.keys[identity]["value"] == VALUE
    assert api.plans["plan-1"] == {identity}
    assert look_up(api, identity, "plan-1") == Registered("plan-1", REQUEST.tags)


def test_a_key_of_a_run_that_was_cut_off_is_adopted() -> None:
    api = ApiGateway()
    first = register(api, REQUEST)
    assert register(api, REQUEST) == first
    assert len(api.keys) == 1


def test_a_key_without_a_plan_isnt_left_behind() -> None:
    api = ApiGateway(failing={"create_usage_plan_key": "LimitExceededException"})
    with pytest.raises(ClientError, match="LimitExceeded"):
        register(api, REQUEST)
    assert api.keys == {}


def test_a_strangers_key_of_the_same_value_is_an_error() -> None:
    api = ApiGateway(keys={"x": {"id": "x", "name": "theirs", "value": VALUE}})
    with pytest.raises(ClientError, match="Conflict"):
        register(api, REQUEST)


def test_a_key_in_another_plan_is_an_error() -> None:
    api = ApiGateway()
    identity = register(api, REQUEST)
    with pytest.raises(ClientError, match="Conflict"):
        enrol(api, identity, "plan-2")
    withdraw(api, identity, "plan-1")
    enrol(api, identity, "plan-2")
    assert look_up(api, identity, "plan-1") == Registered("", REQUEST.tags)


def test_what_is_gone_is_said_and_may_be_removed_again() -> None:
    api = ApiGateway()
    identity = register(api, REQUEST)
    unregister(api, identity)
    unregister(api, identity)
    assert look_up(api, identity, "plan-1") is None


def test_tags_follow() -> None:
    api = ApiGateway()
    identity = register(api, REQUEST)
    retag(api, f"arn:aws:apigateway:r::/apikeys/{identity}", REQUEST.tags, {"owner": "me"})
    assert api.keys[identity]["tags"] == {"owner": "me"}


def test_no_key_is_in_what_gets_printed() -> None:
    assert VALUE not in repr(REQUEST)


@pytest.mark.parametrize(
    ("change", "changes", "replaces"),
    [
        ({}, False, []),
        ({"tags": {}}, True, []),
        ({"usage_plan_id": "plan-2"}, True, []),
        ({"value": VALUE[:-1] + "b"}, True, ["sha256"]),
        ({"region": "eu-west-1"}, True, ["region"]),
        ({"name": "demo-dev-web-2"}, True, ["name"]),
    ],
)
def test_only_another_key_replaces(change: dict[str, Any], changes: bool, replaces: list[str]) -> None:
    result = ConsumerKeyProvider().diff("k1", STATE, PROPS | change)
    assert (result.changes, result.replaces) == (changes, replaces)


def test_the_serialised_provider_is_small_and_names_its_class_only() -> None:
    text = serialize_provider(ConsumerKeyProvider())
    assert text == serialize_provider(ConsumerKeyProvider())
    assert len(text) < 200
    strings = {argument for _, argument, _ in pickletools.genops(base64.b64decode(text)) if isinstance(argument, str)}
    assert strings == {"llmstrat_iac.components.consumer_key", "ConsumerKeyProvider"}
    assert isinstance(pickle.loads(base64.b64decode(text)), ConsumerKeyProvider)
