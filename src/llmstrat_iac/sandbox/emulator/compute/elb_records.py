"""What load balancers, listeners and target groups share: ARNs, names, attributes, and finding a load balancer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import alb

from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError

Record = dict[str, Any]
_LONGEST_NAME = 32


def arn(resource: str) -> str:
    """The ARN of something of this account in this region."""
    return f"arn:aws:elasticloadbalancing:{get_region()}:{get_account_id()}:{resource}"


def check_name(name: str, what: str) -> None:
    """Refuse a name that ELBv2 refuses."""
    if not 1 <= len(name) <= _LONGEST_NAME:
        message = f"The {what} name '{name}' cannot be longer than '{_LONGEST_NAME}' characters"
        raise ApiError("ValidationError", message)


def attribute_list(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Attributes as upstream keeps them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def balancer_of(balancer: str) -> Record:
    """A load balancer's record."""
    found: Record | None = alb._lbs.get(balancer)
    if found is None:
        raise ApiError("LoadBalancerNotFound", f"Load balancer '{balancer}' not found")
    return found
