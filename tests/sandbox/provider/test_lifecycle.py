"""What becomes of a declaration's calls: state in the form that was asked for, half-made things, imports, secrets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from llmstrat_iac.sandbox.provider.clients import Clients
from llmstrat_iac.sandbox.provider.config import ProviderConfig
from llmstrat_iac.sandbox.provider.faults import ResourceError
from llmstrat_iac.sandbox.provider.lifecycle import Lifecycle, PartialCreate, import_state
from llmstrat_iac.sandbox.provider.registry import Call, Resource
from llmstrat_iac.sandbox.provider.schema import resource_schema
from llmstrat_iac.sandbox.provider.table import load_table
from llmstrat_iac.sandbox.provider.values import UNKNOWN, Props, Secret

TOKEN = "aws:iam/role:Role"
INPUTS = {
    "name": "r",
    "assumeRolePolicy": '{"a": 1}',
    "description": Secret("d"),
    "tagsAll": {},
    "__defaults": ["name"],
}


@dataclass
class Thing(Resource):
    """A declaration whose AWS is a dict."""

    there: Props | None = None
    fails: Exception | None = None
    half: bool = False
    deleted: list[str] = field(default_factory=list)

    def create(self, call: Call, args: Props) -> str:
        if self.half:
            self.there, call.created_id = {"description": "d"}, args["name"]
        if self.fails:
            raise self.fails
        self.there = {**args, "arn": "arn:r", "assumeRolePolicy": '{"a":1}'}
        return str(args["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        return dict(self.there) if self.there is not None else None

    def delete(self, call: Call, rid: str, state: Props) -> None:
        if self.fails:
            raise self.fails
        self.deleted.append(rid)


def lifecycle(thing: Thing, **row: Any) -> Lifecycle:
    return Lifecycle(TOKEN, thing, replace(load_table()[TOKEN], **row), resource_schema(TOKEN))


def call(**tags: str) -> Call:
    return Call(Clients("http://127.0.0.1:9"), ProviderConfig("us-east-1", tags), "us-east-1")


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "told"}}, "CreateRole")


def test_state_keeps_the_form_that_was_asked_for() -> None:
    rid, state = lifecycle(Thing()).create(call(), INPUTS)
    assert (rid, state["arn"], state["assumeRolePolicy"]) == ("r", "arn:r", '{"a": 1}')
    assert state["description"] == Secret("d")
    assert "__defaults" not in state


def test_an_error_of_aws_names_operation_kind_and_name() -> None:
    with pytest.raises(ResourceError, match=r"creating IAM Role \(r\): AccessDenied: told"):
        lifecycle(Thing(fails=aws_error("AccessDenied"))).create(call(), INPUTS)


def test_a_half_made_thing_is_kept_with_what_there_is_of_it() -> None:
    with pytest.raises(PartialCreate) as caught:
        lifecycle(Thing(fails=aws_error("Oops"), half=True)).create(call(), INPUTS)
    assert (caught.value.id, caught.value.state["description"]) == ("r", Secret("d"))
    assert "creating IAM Role (r): Oops" in str(caught.value)


def test_a_framework_type_saves_its_state_at_the_end_only() -> None:
    with pytest.raises(ResourceError, match="Oops"):
        lifecycle(Thing(fails=aws_error("Oops"), half=True), sdk="framework").create(call(), INPUTS)


def test_a_preview_knows_what_inputs_tell_and_no_more() -> None:
    state = lifecycle(Thing()).preview(INPUTS)
    assert (state["name"], state["arn"], state["managedPolicyArns"]) == ("r", UNKNOWN, UNKNOWN)
    later = lifecycle(Thing(), volatile=frozenset({"createDate"})).preview(
        INPUTS, {**state, "arn": "a", "createDate": 1}
    )
    assert (later["arn"], later["createDate"]) == ("a", UNKNOWN)


def test_what_is_gone_is_dropped() -> None:
    assert lifecycle(Thing()).read(call(), "r", {"name": "r"}, {}) is None


def test_drift_reaches_inputs_and_state_but_not_its_secrets() -> None:
    thing = Thing({"description": "by hand", "name": "r", "tagsAll": {"a": "b", "owner": "me"}})
    old = {"name": "r", "description": Secret("d"), "tagsAll": {"owner": "me"}}
    found = lifecycle(thing).read(call(owner="me"), "r", old, {"name": "r", "description": Secret("d")})
    assert found is not None
    _, state, inputs = found
    assert (state["description"], inputs["description"]) == (Secret("by hand"), Secret("by hand"))
    assert (state["tags"], state["tagsAll"]) == ({"a": "b"}, {"a": "b", "owner": "me"})


def test_an_import_makes_inputs_of_what_it_finds() -> None:
    found = lifecycle(Thing({"name": "r", "arn": "arn:r", "description": "", "path": "/x/"})).read(call(), "r", {}, {})
    assert found is not None
    rid, state, inputs = found
    assert (rid, state["arn"], state["forceDetachPolicies"]) == ("r", "arn:r", False)
    assert inputs == {"name": "r", "path": "/x/", "maxSessionDuration": 3600, "__defaults": []}


def test_deleting_what_is_gone_is_fine() -> None:
    lifecycle(Thing(fails=aws_error("NoSuchEntity"))).delete(call(), "r", {})
    with pytest.raises(ResourceError, match=r"deleting IAM Role \(r\): DeleteConflict"):
        lifecycle(Thing(fails=aws_error("DeleteConflict"))).delete(call(), "r", {})


@pytest.mark.parametrize(
    ("form", "rid", "state"),
    [
        ("id", "a/b:c", {"id": "a/b:c"}),
        ("role/policyArn", "r/arn:aws:iam::1:policy/p", {"role": "r", "policyArn": "arn:aws:iam::1:policy/p"}),
        ("secretId|versionId", "arn:aws:s:x|v", {"secretId": "arn:aws:s:x", "versionId": "v"}),
        ("a/b/c", "1/2/GET", {"a": "1", "b": "2", "c": "GET"}),
        ("bucket/key", "b/a/deep/key", {"bucket": "b", "key": "a/deep/key"}),
    ],
)
def test_import_ids(form: str, rid: str, state: Props) -> None:
    assert import_state(form, rid) == state


def test_an_import_id_of_another_form_is_refused() -> None:
    with pytest.raises(ResourceError, match="isn't of the form `role:name`"):
        import_state("role:name", "just-a-role")
