"""Models and endpoint configurations: both immutable, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.hosting.store import HOSTING, Kept, forget, found, keep, listed
from llmstrat_iac.sandbox.emulator.tuning.objects import read_s3
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page, refuse
from llmstrat_iac.sandbox.emulator.tuning.roles import assumable
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE

_NVME_FAMILIES = ("g4dn", "g5", "g6", "g6e", "gr6", "g7", "g7e", "p4d", "p4de", "p5", "p5e", "p5en", "p6")


def create_model(asked: Arguments) -> Mapping[str, Any]:
    """Check role and data, as SageMaker does at once."""
    name = asked["ModelName"]
    refuse(
        STORE.faults.refusal(name), quota="ResourceLimitExceeded", message="The account-level model limit is exceeded."
    )
    role = asked.get("ExecutionRoleArn")
    if role and not assumable(role, "sagemaker.amazonaws.com"):
        raise ApiError("ValidationException", f"Could not assume role {role}. Please ensure that the role exists.")
    containers = asked.get("Containers") or ([asked["PrimaryContainer"]] if asked.get("PrimaryContainer") else [])
    for container in containers:
        _check_data(container)
    return {"ModelArn": keep(HOSTING.models, "model", name, asked).arn}


def _check_data(container: Mapping[str, Any]) -> None:
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    uri = source.get("S3Uri") or container.get("ModelDataUrl")
    if uri and read_s3(uri) is None:
        raise ApiError("ValidationException", f"Could not access model data at {uri}. Please ensure that it exists.")


def describe_model(asked: Arguments) -> Mapping[str, Any]:
    """As it was asked for."""
    model = found(HOSTING.models, "model", asked["ModelName"])
    return {
        "EnableNetworkIsolation": False,
        **_as_asked(model),
        "ModelArn": model.arn,
        "CreationTime": model.created,
    }


def create_config(asked: Arguments) -> Mapping[str, Any]:
    """Check the models that it names, and what can't be had on the instance type."""
    for variant in [*asked["ProductionVariants"], *(asked.get("ShadowProductionVariants") or ())]:
        _check_variant(variant, asked)
    made = keep(HOSTING.configs, "endpoint-config", asked["EndpointConfigName"], asked)
    return {"EndpointConfigArn": made.arn}


def _check_variant(variant: Mapping[str, Any], config: Arguments) -> None:
    name, instance = variant["VariantName"], variant.get("InstanceType")
    if variant.get("ModelName"):
        found(HOSTING.models, "model", variant["ModelName"])
    elif not config.get("ExecutionRoleArn"):
        raise ApiError("ValidationException", f"ExecutionRoleArn is required, as variant {name} names no model.")
    if not instance and not variant.get("ServerlessConfig") and not variant.get("InstancePools"):
        raise ApiError("ValidationException", f"InstanceType is required for variant {name}.")
    if variant.get("VolumeSizeInGB") and instance and instance.split(".")[1].partition("-")[0] in _NVME_FAMILIES:
        message = f"VolumeSizeInGB parameter is not allowed for the selected Instance type {instance}"
        raise ApiError("ValidationException", message)


def describe_config(asked: Arguments) -> Mapping[str, Any]:
    """As it was asked for, with the weights that SageMaker sets."""
    config = found(HOSTING.configs, "endpoint-config", asked["EndpointConfigName"])
    answer = _as_asked(config)
    for key in ("ProductionVariants", "ShadowProductionVariants"):
        if answer.get(key):
            answer[key] = [{"InitialVariantWeight": 1.0, **variant} for variant in answer[key]]
    return {**answer, "EndpointConfigArn": config.arn, "CreationTime": config.created}


def _as_asked(item: Kept) -> dict[str, Any]:
    return {key: value for key, value in item.asked.items() if key != "Tags" and value is not None}


def list_models(asked: Arguments) -> Mapping[str, Any]:
    """By name and time."""
    shown, token = page(listed(HOSTING.models, asked), asked, size="MaxResults", token="NextToken")  # noqa: S106
    models = [{"ModelName": item.name, "ModelArn": item.arn, "CreationTime": item.created} for item in shown]
    return {"Models": models, "NextToken": token}


def list_configs(asked: Arguments) -> Mapping[str, Any]:
    """By name and time."""
    shown, token = page(listed(HOSTING.configs, asked), asked, size="MaxResults", token="NextToken")  # noqa: S106
    configs = [
        {"EndpointConfigName": item.name, "EndpointConfigArn": item.arn, "CreationTime": item.created} for item in shown
    ]
    return {"EndpointConfigs": configs, "NextToken": token}


def delete_model(asked: Arguments) -> Mapping[str, Any]:
    """Also under an endpoint that runs, as on AWS."""
    forget(HOSTING.models, found(HOSTING.models, "model", asked["ModelName"]))
    return {}


def delete_config(asked: Arguments) -> Mapping[str, Any]:
    """At once; refused while an endpoint is on its way to it."""
    config = found(HOSTING.configs, "endpoint-config", asked["EndpointConfigName"])
    users = [item for item in HOSTING.endpoints.values() if item.config == config.name]
    if any(item.status in ("Creating", "Updating") for item in users):
        raise ApiError(
            "ValidationException", f"Cannot delete endpoint configuration {config.name}: it is being deployed."
        )
    forget(HOSTING.configs, config)
    return {}


HANDLERS: Mapping[str, Handler] = {
    "CreateModel": create_model,
    "DescribeModel": describe_model,
    "ListModels": list_models,
    "DeleteModel": delete_model,
    "CreateEndpointConfig": create_config,
    "DescribeEndpointConfig": describe_config,
    "ListEndpointConfigs": list_configs,
    "DeleteEndpointConfig": delete_config,
}
