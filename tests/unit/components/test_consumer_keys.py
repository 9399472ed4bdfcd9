"""Consumers' keys: what the resource sees as a change, and what API Gateway is told."""

from __future__ import annotations

import base64
import pickle
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pulumi.dynamic.dynamic import serialize_provider

from llmstrat_iac.components.consumer_keys import ConsumerKeysProvider
from llmstrat_iac.components.key_registration import KeyRequest, KnownKey, Retag, look_up, reconcile
from llmstrat_iac.components.key_seed import derive_key, digest_of

TAGS = {"llmstrat:stack": "demo-dev"}
SEED = "5e" * 32
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # what a preview shows in place of what it doesn't know
PREFIX = "arn:aws:apigateway:us-east-1::/apikeys/"


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Operation")


@dataclass
class ApiGateway:
    """API Gateway's keys and plans, as far as they go. `full` is a plan that takes no key."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    plans: dict[str, set[str]] = field(default_factory=lambda: {"plan-1": set(), "plan-2": set()})
    full: str = ""
    calls: int = 0

    def create_api_key(self, **key: Any) -> dict[str, Any]:
        self.calls += 1
        if any(each["value"] == key["value"] for each in self.keys.values()):
            raise _error("ConflictException")
        identity = f"id-{key['name']}"
        self.keys[identity] = {"id": identity, **key}
        return self.keys[identity]

    def create_usage_plan_key(self, *, usagePlanId: str, keyId: str, keyType: str) -> None:
        assert keyType == "API_KEY"
        self.calls += 1
        if usagePlanId == self.full:
            raise _error("LimitExceededException")
        if any(keyId in members for members in self.plans.values()):
            raise _error("ConflictException")
        self.plans[usagePlanId].add(keyId)

    def delete_usage_plan_key(self, *, usagePlanId: str, keyId: str) -> None:
        self.calls += 1
        if keyId not in self.plans.get(usagePlanId, ()):
            raise _error("NotFoundException")
        self.plans[usagePlanId].remove(keyId)

    def get_usage_plan_key(self, *, usagePlanId: str, keyId: str) -> dict[str, str]:
        if keyId not in self.plans.get(usagePlanId, ()):
            raise _error("NotFoundException")
        return {"id": keyId}

    def delete_api_key(self, *, apiKey: str) -> None:
        self.calls += 1
        if self.keys.pop(apiKey, None) is None:
            raise _error("NotFoundException")
        for members in self.plans.values():
            members.discard(apiKey)

    def tag_resource(self, *, resourceArn: str, tags: dict[str, str]) -> None:
        self.keys[resourceArn.removeprefix(PREFIX)]["tags"] |= tags

    def untag_resource(self, *, resourceArn: str, tagKeys: list[str]) -> None:
        for name in tagKeys:
            del self.keys[resourceArn.removeprefix(PREFIX)]["tags"][name]

    def get_paginator(self, operation: str) -> Pages:
        return Pages(self, operation)


@dataclass
class Pages:
    """Its listings, two items a page."""

    api: ApiGateway
    operation: str

    def paginate(self, *, PaginationConfig: Any, **arguments: Any) -> Iterator[dict[str, Any]]:
        items = self._keys(**arguments) if self.operation == "get_api_keys" else self._members(**arguments)
        for start in range(0, len(items), 2):
            yield {"items": items[start : start + 2]}

    def _keys(self, *, includeValues: bool, nameQuery: str = "") -> list[dict[str, Any]]:
        found = [key for key in self.api.keys.values() if key["name"].startswith(nameQuery)]
        return found if includeValues else [{**key, "value": None} for key in found]

    def _members(self, *, usagePlanId: str) -> list[dict[str, Any]]:
        if usagePlanId not in self.api.plans:
            raise _error("NotFoundException")
        return [{"id": member} for member in sorted(self.api.plans[usagePlanId])]


def _requests(*names: str, plan: str = "plan-1") -> dict[str, KeyRequest]:
    return {name: KeyRequest(name, "a key", f"value-of-{name}", plan, dict(TAGS)) for name in names}


def test_new_keys_are_created_in_their_plan() -> None:
    api = ApiGateway()
    known = reconcile(api, {}, _requests("web", "batch", "trial"), None)
    assert api.plans["plan-1"] == {each.id for each in known.values()} == api.keys.keys()
    assert {name: key.sha256 for name, key in known.items()} == {
        name: digest_of(f"value-of-{name}") for name in ("web", "batch", "trial")
    }


def test_what_is_as_it_should_be_is_left_alone() -> None:
    api = ApiGateway()
    known = reconcile(api, {}, _requests("web", "batch"), None)
    calls = api.calls
    assert reconcile(api, known, _requests("web", "batch"), None) == known
    assert api.calls == calls


def test_only_what_is_no_longer_asked_for_goes() -> None:
    api = ApiGateway()
    known = reconcile(api, {}, _requests("web", "batch"), None)
    assert reconcile(api, known, _requests("web"), None) == {"web": known["web"]}
    assert api.keys.keys() == {known["web"].id}


def test_another_value_is_another_key() -> None:
    api = ApiGateway()
    known = reconcile(api, {}, _requests("web"), None)
    changed = {"web": replace(_requests("web")["web"], value="another")}
    assert reconcile(api, known, changed, None)["web"].sha256 == digest_of("another")
    assert [key["value"] for key in api.keys.values()] == ["another"]


def test_a_key_that_moves_leaves_its_plan_first() -> None:
    api = ApiGateway()
    known = reconcile(api, {}, _requests("web"), None)
    moved = reconcile(api, known, _requests("web", plan="plan-2"), None)
    assert moved["web"].id == known["web"].id
    assert api.plans == {"plan-1": set(), "plan-2": {known["web"].id}}


def test_a_run_that_was_cut_off_is_made_good_by_the_next() -> None:
    api = ApiGateway(full="plan-2")
    requests = _requests("web") | _requests("batch", plan="plan-2")
    with pytest.raises(ClientError, match="LimitExceeded"):
        reconcile(api, {}, requests, None)
    api.full = ""
    known = reconcile(api, {}, requests, None)
    assert len(api.keys) == 2
    assert api.plans == {"plan-1": {known["web"].id}, "plan-2": {known["batch"].id}}


def test_a_strangers_key_of_the_same_value_is_an_error() -> None:
    api = ApiGateway(keys={"x": {"id": "x", "name": "theirs", "value": "value-of-web"}})
    with pytest.raises(ClientError, match="Conflict"):
        reconcile(api, {}, _requests("web"), None)


def test_everything_can_be_removed_twice() -> None:
    api = ApiGateway()
    known = reconcile(api, {}, _requests("web", "batch"), None)
    for _ in range(2):
        assert reconcile(api, known, {}, None) == {}
    assert api.keys == {}


def test_tags_follow_without_touching_the_key() -> None:
    api = ApiGateway()
    known = reconcile(api, {}, _requests("web"), None)
    assert reconcile(api, known, _requests("web"), Retag(PREFIX, TAGS, {"owner": "me"})) == known
    assert api.keys[known["web"].id]["tags"] == {"owner": "me"}


def test_a_refresh_sees_what_is_gone_and_what_has_dropped_out() -> None:
    api = ApiGateway()
    known = reconcile(api, {}, _requests("a", "b", "c") | _requests("d", plan="plan-2"), None)
    api.delete_api_key(apiKey=known["a"].id)
    api.plans["plan-1"].discard(known["b"].id)
    del api.plans["plan-2"]
    assert look_up(api, known) == {"b": "", "c": "plan-1", "d": ""}


def test_no_key_is_in_what_gets_printed() -> None:
    assert "value-of-web" not in repr(_requests("web"))


def _props(**changes: Any) -> dict[str, Any]:
    keys = {"demo-dev-web-1": {"consumer": "web", "generation": 1.0, "usage_plan_id": "plan-1"}}
    return {"seed": SEED, "region": "us-east-1", "tags": TAGS, "keys": keys} | changes


STATE: dict[str, Any] = {
    "region": "us-east-1",
    "tags": TAGS,
    "keys": {
        "demo-dev-web-1": {"id": "k1", "usage_plan_id": "plan-1", "sha256": digest_of(derive_key(SEED, "web", 1))}
    },
}


@pytest.mark.parametrize(
    ("change", "changes", "replaces"),
    [
        ({}, False, []),
        ({"tags": {}}, True, []),
        ({"seed": "00" * 32}, True, []),
        ({"seed": UNKNOWN}, True, []),
        ({"keys": {}}, True, []),
        ({"keys": UNKNOWN}, True, []),
        ({"region": "eu-west-1"}, True, ["region"]),
    ],
)
def test_what_counts_as_a_change(change: dict[str, Any], changes: bool, replaces: list[str]) -> None:
    result = ConsumerKeysProvider().diff("id", STATE, _props(**change))
    assert (result.changes, result.replaces) == (changes, replaces)


def test_the_serialised_provider_is_small_and_names_its_class_only() -> None:
    text = serialize_provider(ConsumerKeysProvider())
    assert text == serialize_provider(ConsumerKeysProvider())
    assert len(text) < 200
    strings = {argument for _, argument, _ in pickletools.genops(base64.b64decode(text)) if isinstance(argument, str)}
    assert strings == {"llmstrat_iac.components.consumer_keys", "ConsumerKeysProvider"}
    assert isinstance(pickle.loads(base64.b64decode(text)), ConsumerKeysProvider)


def test_known_keys_tell_no_key() -> None:
    assert set(KnownKey.__dataclass_fields__) == {"id", "usage_plan_id", "sha256"}
