"""The gate's record: read from the job that the last `up` started, waited for, and never taken for another's."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.engine.results import Outputs, Snapshot
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.operations.acceptance import gate_result, wait_for_gate

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
