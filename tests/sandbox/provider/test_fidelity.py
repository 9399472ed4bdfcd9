"""Every served type on the real engine: create, refresh, no-op, update, replace, destroy, each as AWS would have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_case import Case
from aws_cases import CASES, program
from botocore.exceptions import ClientError
from provider_kit import QUIET, Bench, Outcome, Stack

from llmstrat_iac.engine.events import Op
from llmstrat_iac.sandbox.provider.registry import served_resources

pytestmark = QUIET
IN_PLACE = {case.name for case in CASES if case.change}
REPLACED = {case.name for case in CASES if case.replace}
GONE = ("NotFound", "NoSuch", "ResourceNotFound", "404", "Unknown", "ServerSideEncryption", "InvalidParameter")
Cloud = Callable[[str], Any]


def test_every_served_type_has_a_case() -> None:
    assert {case.token for case in CASES} == set(served_resources())


def present(case: Case, cloud: Cloud, outputs: dict[str, Any]) -> bool:
    try:
        return bool(case.exists(cloud, outputs))
    except ClientError as error:
        if error.response["Error"]["Code"].startswith(GONE):
            return False
        raise


def settled(stack: Stack, *, changed: bool, replaced: bool) -> None:
    """Neither a refresh nor another `up` finds anything to do."""
    assert stack.refresh() == {}
    again = stack.up(program(changed=changed, replaced=replaced))
    assert again.changed == {}


def replaced_names(outcome: Outcome) -> set[str]:
    return {name for name, steps in outcome.changed.items() if Op.REPLACE in steps}


@pytest.fixture
def stack(bench: Bench) -> Stack:
    return bench.stack()


def outputs_of(stack: Stack) -> dict[str, dict[str, Any]]:
    return {name: {**item.get("outputs", {}), "id": item.get("id")} for name, item in stack.state().items()}


def test_lifecycle_of_every_type(stack: Stack, cloud: Cloud) -> None:
    created = stack.up(program())
    names = {case.name for case in CASES}
    assert names <= {name for name, steps in created.steps.items() if steps == [Op.CREATE]}
    outputs = outputs_of(stack)
    assert [case.name for case in CASES if not present(case, cloud, outputs[case.name])] == []
    settled(stack, changed=False, replaced=False)

    updated = stack.up(program(changed=True))
    assert replaced_names(updated) == set()
    assert {name for name, steps in updated.changed.items() if Op.UPDATE in steps} >= IN_PLACE
    settled(stack, changed=True, replaced=False)

    exchanged = stack.up(program(changed=True, replaced=True))
    assert replaced_names(exchanged) >= REPLACED
    settled(stack, changed=True, replaced=True)

    last = outputs_of(stack)
    stack.destroy()
    assert [case.name for case in CASES if present(case, cloud, last[case.name])] == []
    assert [case.name for case in CASES if present(case, cloud, outputs[case.name])] == []
