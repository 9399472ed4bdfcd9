"""Whether an AWS service may assume a role, as the emulator's IAM has it now."""

from __future__ import annotations

import json
from typing import Any


def assumable(role_arn: str, service: str) -> bool:
    """Whether the role exists and its trust policy names the service; conditions aren't evaluated."""
    from ministack.services import iam

    role = iam._roles.get(role_arn.rpartition("/")[2])
    if role is None:
        return False
    policy = role.get("AssumeRolePolicyDocument") or "{}"
    document = json.loads(policy) if isinstance(policy, str) else policy
    return any(_trusts(statement, service) for statement in _listed(document.get("Statement")))


def _trusts(statement: Any, service: str) -> bool:
    principal = statement.get("Principal")
    named = principal.get("Service") if isinstance(principal, dict) else principal
    return statement.get("Effect") == "Allow" and (named == "*" or service in _listed(named))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []
