"""The gate's record: read from the job that the last `up` started, waited for, and never taken for another's."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error
from ruamel.yaml import YAML

from llmstrat_iac.engine.results import Outputs, Snapshot
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.operations.acceptance import gate_result, gate_under_way, last_verdict, say_only, wait_for_gate

PASSED = {"passed": True, "nodes": []}
OUTPUTS = {"job": {"key": "abc-1"}, "artifacts_bucket": "demo-artifacts", "cluster": {"runtime": "ec2"}}


def snapshot(outputs: dict[str, Any]) -> Snapshot:
    return Snapshot((), (), Outputs(outputs, frozenset()))


class Account:
    """S3 in which the record appears at the `after`-th look."""

    def __init__(self, after: int) -> None:
        self.looks, self.after = 0, after

    def client(self, _service: str) -> Any:
        def get_object(Bucket: str, Key: str) -> Any:
            assert (Bucket, Key) == ("demo-artifacts", "pretraining/abc-1/gate.json")
            self.looks += 1
            if self.looks < self.after:
                raise error("NoSuchKey")
            return {"Body": io.BytesIO(json.dumps(PASSED).encode())}

        return FakeAccount({"s3": {"get_object": get_object}}).client("s3")


def test_it_is_waited_for() -> None:
    account = Account(after=3)
    assert wait_for_gate(snapshot(OUTPUTS), account, over=lambda: False, sleep=lambda _: None) == PASSED
    assert account.looks == 3


def test_a_job_that_ends_without_a_verdict_ends_the_waiting() -> None:
    assert wait_for_gate(snapshot(OUTPUTS), Account(after=99), over=lambda: True, sleep=lambda _: None) is None


def test_what_may_not_be_read_is_no_verdict() -> None:
    account = FakeAccount({"s3": {"get_object": error("AccessDenied")}})
    with pytest.raises(LlmstratError, match="AccessDenied"):
        gate_result(snapshot(OUTPUTS), account)


def test_a_stack_without_cluster() -> None:
    with pytest.raises(LlmstratError, match="has no cluster"):
        gate_result(snapshot({"job": {"key": "abc-1"}, "artifacts_bucket": "demo-artifacts"}), Account(after=1))


def test_a_stack_that_has_come_to_no_job_has_no_verdict() -> None:
    nobody = Account(after=99)
    assert last_verdict(None, nobody) is None
    assert last_verdict(snapshot({"expires": "never"}), nobody) is None
    assert last_verdict(snapshot(OUTPUTS), Account(after=1)) == PASSED


@pytest.mark.parametrize(
    ("identity", "settled", "under_way"),
    [("gate0123abcd", False, True), ("gate0123abcd", True, False), ("0123456789ab", False, False)],
)
def test_a_test_is_under_way_until_its_end_was_seen(identity: str, settled: bool, under_way: bool) -> None:
    assert gate_under_way(snapshot({"job": {"identity": identity, "settled": settled}})) is under_way


def test_no_stack_has_no_test_under_way() -> None:
    assert not gate_under_way(None)


FLOW = "cluster: {nodes: 2}  # two\n"
BLOCK = "cluster:\n  nodes: 2\n  acceptance: before-training # as ever\n"


@pytest.mark.parametrize("before", [FLOW, BLOCK])
def test_the_spec_is_put_back_to_the_letter(before: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(before)
    put_back = say_only(path)
    assert "acceptance: only" in path.read_text()
    put_back()
    assert path.read_text() == before


@pytest.mark.parametrize(("before", "value"), [(FLOW, None), (BLOCK, "before-training")])
def test_what_was_edited_meanwhile_stays(before: str, value: str | None, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(before)
    put_back = say_only(path)
    path.write_text(path.read_text() + "name: other\n")
    put_back()
    found = YAML(typ="safe").load(path.read_text())
    assert (found["name"], found["cluster"].get("acceptance")) == ("other", value)
