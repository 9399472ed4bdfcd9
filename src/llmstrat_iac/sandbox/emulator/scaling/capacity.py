"""The capacities that Application Auto Scaling knows of: a variant's instances, an inference component's copies.

Targets of other services are kept without being looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.hosting import components, endpoints
from llmstrat_iac.sandbox.emulator.hosting.store import HOSTING
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError

VARIANT = "sagemaker:variant:DesiredInstanceCount"
COMPONENT = "sagemaker:inference-component:DesiredCopyCount"
_IDS = {VARIANT: re.compile(r"endpoint/([^/]+)/variant/([^/]+)"), COMPONENT: re.compile(r"inference-component/([^/]+)")}


def bring_within(target: Mapping[str, Any]) -> None:
    """Put the capacity between a target's limits; refused if what it names isn't there or can't be scaled now."""
    dimension, pattern = target["ScalableDimension"], _IDS.get(target["ScalableDimension"])
    if pattern is None:
        return
    named = pattern.fullmatch(target["ResourceId"])
    if named is None:
        raise ApiError(
            "ValidationException", f"Unsupported service namespace, resource type or id: {target['ResourceId']}"
        )
    least, most = int(target["MinCapacity"]), int(target["MaxCapacity"])
    if dimension == VARIANT:
        _variant(named.group(1), named.group(2), least, most)
    else:
        _component(named.group(1), least, most)


def _variant(name: str, variant_name: str, least: int, most: int) -> None:
    endpoint = HOSTING.endpoints.get(name)
    variant = next((item for item in endpoint.variants if item.name == variant_name), None) if endpoint else None
    if endpoint is None or variant is None:
        raise ApiError("ValidationException", f"No variant {variant_name} of an endpoint {name} exists.")
    if least < 1:
        message = f"Minimum capacity must be at least 1 for a variant with a model of its own: {name}"
        raise ApiError("ValidationException", message)
    wanted = min(max(variant.instances, least), most)
    if wanted != variant.instances:
        change = {"VariantName": variant_name, "DesiredInstanceCount": wanted}
        endpoints.change_capacity({"EndpointName": name, "DesiredWeightsAndCapacities": [change]})


def _component(name: str, least: int, most: int) -> None:
    component = HOSTING.components.get(name)
    if component is None:
        raise ApiError("ValidationException", f"No inference component {name} exists.")
    wanted = min(max(component.copies, least), most)
    if wanted != component.copies:
        components.change_copies({"InferenceComponentName": name, "DesiredRuntimeConfig": {"CopyCount": wanted}})
