"""Scheduler's universal targets against the AWS API models: a wrong one deploys cleanly and never fires."""

from __future__ import annotations

import botocore.session
import pytest

from llmstrat_iac.components.expiry import UNIVERSAL_TARGETS, UniversalTarget, target_arn

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
_READ_ONLY = ("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup")


def pascal(name: str) -> str:
    """As Scheduler takes a member that an API may call otherwise, such as Bedrock's."""
    return name[0].upper() + name[1:]


@pytest.mark.parametrize("target", UNIVERSAL_TARGETS, ids=lambda target: target.action)
def test_a_target_exists_with_these_members(target: UniversalTarget) -> None:
    session = botocore.session.get_session()
    services = {
        session.get_service_model(name).metadata["serviceId"].lower().replace(" ", ""): name
        for name in session.get_available_services()
        if name == target.service
    }
    model = session.get_service_model(services[target.service])
    operation = target.action[0].upper() + target.action[1:]
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    assert set(target.members) <= {pascal(name) for name in shape.members}
    assert {pascal(name) for name in shape.required_members} <= set(target.members)
    assert not target.action.startswith(_READ_ONLY)


@pytest.mark.parametrize("target", UNIVERSAL_TARGETS, ids=lambda target: target.action)
def test_a_targets_members_are_in_pascal_case(target: UniversalTarget) -> None:
    assert all(member[0].isupper() for member in target.members)
    assert target_arn(target, "aws-cn") == f"arn:aws-cn:scheduler:::aws-sdk:{target.service}:{target.action}"
