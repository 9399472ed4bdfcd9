"""Which of AWS's service quotas a GPU instance counts against: EC2's by code, SageMaker's by exact name.

EC2 counts vCPUs by family and purchase; SageMaker counts instances by type and use. Codes and names as in SkyPilot's
quota mapping (skypilot-org/skypilot-catalog, catalogs/v5/aws/instance_quota_mapping.csv) and AWS's own error texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmstrat_iac.catalog.instances import InstanceType

_ON_DEMAND = {
    "g": ("L-DB2E81BA", "Running On-Demand G and VT instances", "G/OnDemand"),
    "p": ("L-417A185B", "Running On-Demand P instances", "P/OnDemand"),
}
_SPOT = {
    "g": (("L-3819A6DF", "All G and VT Spot Instance Requests", "G/Spot"),),
    # P4 and older have one quota, P5 another; in newer accounts one may cover both. What isn't there is unknown.
    "p": (
        ("L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", "P/Spot"),
        ("L-C4BD4855", "All P5 Spot Instance Requests", "P5/Spot"),
    ),
}
_SAGEMAKER_USES = {
    ("training", "on-demand"): "training job usage",
    ("training", "spot"): "spot training job usage",
    ("serving", "on-demand"): "endpoint usage",
    ("cluster", "on-demand"): "cluster usage",
}


@dataclass(frozen=True)
class QuotaNeed:
    """What a part of a spec needs of a quota."""

    path: str
    """Of the part, in the spec."""
    service: str
    name: str
    code: str | None
    """None where only the name is the same in all accounts."""
    need: float
    unit: str
    usage_class: str | None = None
    """Dimension `Class` of the CloudWatch metric that counts what is in use; None if there is none."""
    exchange: float = 0
    """What is needed later, while a changed fleet exchanges its instances; 0 if that is never more."""


def ec2_need(use: str, instance: InstanceType, count: int, capacity: str) -> QuotaNeed:
    """vCPUs of so many instances against the family's quota."""
    family = instance.family[0]
    if capacity == "spot":
        choices = _SPOT[family]
        code, name, usage = choices[-1] if instance.family.startswith("p5") else choices[0]
    else:
        code, name, usage = _ON_DEMAND[family]
    return QuotaNeed(f"{use}.instance", "ec2", name, code, float(count * instance.vcpus), "vCPUs", usage)


def sagemaker_need(instance: InstanceType, count: int, *, use: str, capacity: str) -> QuotaNeed:
    """Instances of one type and use (`training`, `serving` or `cluster`)."""
    name = f"ml.{instance.name} for {_SAGEMAKER_USES[use, capacity]}"
    return QuotaNeed(f"{use}.instance", "sagemaker", name, None, float(count), "instances")
