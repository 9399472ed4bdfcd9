"""Blocks of Auto Scaling between the provider's spelling and the API's."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.provider.services.ec2_shapes import from_api, to_api
from llmstrat_iac.sandbox.provider.services.shapes import number, pascal, request
from llmstrat_iac.sandbox.provider.values import Props

# The refresh's numbers that the provider keeps as text.
_TEXT_NUMBERS = {"checkpointDelay": "CheckpointDelay", "instanceWarmup": "InstanceWarmup"}
_PREFERENCES = {
    "AutoRollback": "autoRollback", "CheckpointPercentages": "checkpointPercentages",
    "MaxHealthyPercentage": "maxHealthyPercentage", "MinHealthyPercentage": "minHealthyPercentage",
    "ScaleInProtectedInstances": "scaleInProtectedInstances", "SkipMatching": "skipMatching",
    "StandbyInstances": "standbyInstances",
}  # fmt: skip


def mixed_policy(block: Props) -> Props:
    """A mixed instances policy as the API takes it."""
    result: Props = to_api({key: value for key, value in block.items() if value})
    return result


def mixed_policy_block(found: Props | None) -> Props | None:
    """The reverse."""
    return from_api(found, texts=False) if found else None


def instance_policy(block: Props) -> Props:
    """An instance maintenance policy; both shares or none."""
    return pascal(block)  # type: ignore[no-any-return]


def refresh_preferences(block: Props) -> Props:
    """An instance refresh's preferences as the API takes them."""
    result = request(block, _PREFERENCES)
    result |= {api: number(block[prop]) for prop, api in _TEXT_NUMBERS.items() if block.get(prop)}
    if block.get("alarmSpecification"):
        result["AlarmSpecification"] = pascal(block["alarmSpecification"])
    return result


def tracking(block: Props) -> Props:
    """A target tracking configuration as the API takes it."""
    result: Props = {"TargetValue": float(block["targetValue"])}
    if block.get("disableScaleIn") is not None:
        result["DisableScaleIn"] = bool(block["disableScaleIn"])
    if block.get("predefinedMetricSpecification"):
        result["PredefinedMetricSpecification"] = pascal(block["predefinedMetricSpecification"])
    custom = block.get("customizedMetricSpecification")
    if custom:
        made = pascal({key: value for key, value in custom.items() if key != "metricDimensions"})
        if custom.get("metricDimensions"):
            made["Dimensions"] = pascal(custom["metricDimensions"])
        for each in made.get("Metrics") or ():
            _rename_dimensions(each, "Dimensions")
        result["CustomizedMetricSpecification"] = made
    return result


def _rename_dimensions(metric: Props, name: str) -> None:
    inner = (metric.get("MetricStat") or {}).get("Metric") or {}
    if "Dimensions" in inner:
        inner[name] = inner.pop("Dimensions")


def tracking_block(found: Props | None) -> Props | None:
    """The reverse."""
    if not found:
        return None
    block: Props = _camel({key: value for key, value in found.items() if key != "CustomizedMetricSpecification"})
    custom = found.get("CustomizedMetricSpecification")
    if custom:
        made = _camel({key: value for key, value in custom.items() if key != "Dimensions"})
        if custom.get("Dimensions"):
            made["metricDimensions"] = _camel(custom["Dimensions"])
        block["customizedMetricSpecification"] = made
    return block


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value
