"""The quotas that a GPU stack meets, by code and exact name, with generous values that a test can lower.

`LLMSTRAT_SANDBOX_QUOTAS` holds a JSON object of code or name to value; `set_limits` (the control call) overrides it.
A service asks `limit()` before it hands something out. EC2's names and codes are those of SkyPilot's quota mapping;
SageMaker's names are patterns over the API's instance types, and most of their codes only a real account knows.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

QUOTAS_VARIABLE = "LLMSTRAT_SANDBOX_QUOTAS"
_VCPUS, _INSTANCES = 16384.0, 128.0
_EC2 = {
    "L-DB2E81BA": "Running On-Demand G and VT instances",
    "L-3819A6DF": "All G and VT Spot Instance Requests",
    "L-417A185B": "Running On-Demand P instances",
    "L-7212CCBC": "All P4, P3 and P2 Spot Instance Requests",
    "L-C4BD4855": "All P5 Spot Instance Requests",
    "L-1216C47A": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    "L-34B43A08": "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
    "L-2C3B7624": "Running On-Demand Trn instances",
    "L-6B0D517C": "All Trn Spot Instance Requests",
    "L-1945791B": "Running On-Demand Inf instances",
    "L-B5D1601B": "All Inf Spot Instance Requests",
}
# The codes that are public.
_SAGEMAKER_CODES = {
    "ml.g5.12xlarge for endpoint usage": "L-65C4BD00",
    "ml.g4dn.xlarge for training job usage": "L-3F53BF0F",
    "ml.p4d.24xlarge for training job usage": "L-09B4A649",
    "ml.p5.48xlarge for training job usage": "L-82E1C851",
    "ml.g5.2xlarge for spot training job usage": "L-CAEE7DB7",
}
PLANS_QUOTA = "Number of training plans per Region"
# https://docs.aws.amazon.com/sagemaker/latest/dg/training-plan-quotas.html; codes where they are public.
_PLAN_CODES = {
    PLANS_QUOTA: "L-867702E6",
    "Number of ml.p4d.24xlarge instances in reserved capacity across training plans per Region": "L-B9718876",
    "Number of ml.p4de.24xlarge instances in reserved capacity across training plans per Region": "L-95C2C3D0",
    "Number of ml.p5.48xlarge instances in reserved capacity across training plans per Region": "L-9EF527CA",
}
_PLANS, _RESERVED = 25.0, 256.0
_USES = {
    "TrainingInstanceType": ("training job usage", "spot training job usage", "training warm pool usage"),
    "ProductionVariantInstanceType": ("endpoint usage",),
    "ClusterInstanceType": ("cluster usage",),
}


@dataclass(frozen=True)
class Quota:
    """One quota of a service; `default` is what a sandbox account has."""

    service: str
    code: str
    name: str
    default: float

    @property
    def value(self) -> float:
        """What applies now."""
        chosen = _chosen()
        return chosen.get(self.code, chosen.get(self.name, self.default))


_overrides: dict[str, float] = {}


def set_limits(values: Mapping[str, float]) -> None:
    """Set quotas by code or name until the emulator ends; none at all: back to the environment's."""
    if not values:
        _overrides.clear()
    _overrides.update(values)


@lru_cache(maxsize=4)
def quotas_of(service: str) -> tuple[Quota, ...]:
    """All known quotas of a service, by name."""
    found = _ec2() if service == "ec2" else _sagemaker() if service == "sagemaker" else ()
    return tuple(sorted(found, key=lambda quota: quota.name))


def limit(service: str, code_or_name: str) -> float | None:
    """What applies now, or None if the quota isn't known."""
    found = next((quota for quota in quotas_of(service) if code_or_name in (quota.code, quota.name)), None)
    return found.value if found else None


def reserved_quota(instance: str) -> str:
    """The name of the quota of what training plans reserve of a type, such as `ml.p5.48xlarge`."""
    return f"Number of {instance} instances in reserved capacity across training plans per Region"


def exceeded(quota: str, most: float, used: int, more: int, *, unit: str = "Instances") -> str:
    """SageMaker's words for a request that is more than a quota leaves."""
    return (
        f"The account-level service limit '{quota}' is {most:.0f} {unit}, with current utilization of {used} "
        f"{unit} and a request delta of {more} {unit}. Please use AWS Service Quotas to request an increase for "
        "this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota."
    )


def _chosen() -> Mapping[str, float]:
    given: dict[str, float] = json.loads(os.environ.get(QUOTAS_VARIABLE) or "{}")
    return {**given, **_overrides}


def _ec2() -> Iterable[Quota]:
    return (Quota("ec2", code, name, _VCPUS) for code, name in _EC2.items())


def _sagemaker() -> Iterable[Quota]:
    from llmstrat_iac.sandbox.emulator.tuning.shapes import service_model

    model = service_model("sagemaker")
    for shape, uses in _USES.items():
        for instance in model.shape_for(shape).enum:
            for use in uses:
                name = f"{instance} for {use}"
                yield Quota("sagemaker", _SAGEMAKER_CODES.get(name) or _made_up(name), name, _INSTANCES)
    reserved = {reserved_quota(each): _RESERVED for each in model.shape_for("ReservedCapacityInstanceType").enum}
    for name, most in {PLANS_QUOTA: _PLANS, **reserved}.items():
        yield Quota("sagemaker", _PLAN_CODES.get(name) or _made_up(name), name, most)


def _made_up(name: str) -> str:
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
