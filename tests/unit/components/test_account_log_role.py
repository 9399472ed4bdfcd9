"""The account-wide logging role: adopted if there is one, made only if there is none, never taken away."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from llmstrat_iac.components.account_log_role import AccountLogRoleProvider, LogRole, ensure_log_role

ARN = "arn:aws:iam::123456789012:role/llmstrat/llmstrat-apigateway-logs"


class _BadRequest(Exception):
    pass


class _Exists(Exception):
    pass


@dataclass
class _ApiGateway:
    """API Gateway that refuses a fresh role so many times."""

    role: str | None = None
    refusals: int = 0
    exceptions: ClassVar[Any] = SimpleNamespace(BadRequestException=_BadRequest)

    def get_account(self) -> dict[str, str]:
        return {} if self.role is None else {"cloudwatchRoleArn": self.role}

    def update_account(self, *, patchOperations: list[dict[str, str]]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise _BadRequest
        (patch,) = patchOperations
        assert (patch["op"], patch["path"]) == ("replace", "/cloudwatchRoleArn")
        self.role = patch["value"]


@dataclass
class _Iam:
    exists: bool = False
    attached: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    exceptions: ClassVar[Any] = SimpleNamespace(EntityAlreadyExistsException=_Exists)

    def create_role(self, *, RoleName: str, **_: str) -> dict[str, Any]:
        if self.exists:
            raise _Exists
        self.created.append(RoleName)
        return {"Role": {"Arn": ARN}}

    def get_role(self, *, RoleName: str) -> dict[str, Any]:
        return {"Role": {"Arn": ARN}}

    def attach_role_policy(self, *, RoleName: str, PolicyArn: str) -> None:
        self.attached.append(PolicyArn)


def test_a_role_that_is_set_is_adopted_untouched() -> None:
    iam = _Iam()
    role = ensure_log_role(_ApiGateway("arn:aws:iam::1:role/theirs"), iam, partition="aws")
    assert role == LogRole("arn:aws:iam::1:role/theirs", adopted=True)
    assert iam.created == iam.attached == []


def test_without_one_it_is_created_and_set_once_iam_has_spread_it() -> None:
    pauses: list[float] = []
    api, iam = _ApiGateway(refusals=2), _Iam()
    role = ensure_log_role(api, iam, partition="aws-us-gov", sleep=pauses.append)
    assert role == LogRole(ARN, adopted=False)
    assert api.role == ARN
    assert iam.attached == ["arn:aws-us-gov:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]
    assert len(pauses) == 2


def test_a_role_of_an_earlier_try_is_used() -> None:
    api, iam = _ApiGateway(), _Iam(exists=True)
    assert ensure_log_role(api, iam, partition="aws").arn == ARN
    assert iam.created == []


def test_a_refusal_that_stays_is_raised() -> None:
    with pytest.raises(_BadRequest):
        ensure_log_role(_ApiGateway(refusals=99), _Iam(), partition="aws", sleep=lambda _: None)


def test_destroying_the_resource_leaves_the_role() -> None:
    # The inherited delete asks nobody: there is no client to reach AWS with.
    AccountLogRoleProvider().delete("us-east-1", {"region": "us-east-1", "role_arn": ARN})


def test_only_another_region_is_another_setting() -> None:
    provider, state = AccountLogRoleProvider(), {"region": "us-east-1", "role_arn": ARN, "adopted": True}
    assert provider.diff("us-east-1", state, {"region": "us-east-1"}).changes is False
    assert provider.diff("us-east-1", state, {"region": "eu-west-1"}).replaces == ["region"]
