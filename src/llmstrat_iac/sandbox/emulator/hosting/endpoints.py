"""Endpoints: created and updated over time, limited by quotas, failed when their containers can't run."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.hosting.engines import ENGINES, start_endpoint
from llmstrat_iac.sandbox.emulator.hosting.images import image_problem, unhealthy
from llmstrat_iac.sandbox.emulator.hosting.store import HOSTING, Endpoint, Variant, forget, found, listed
from llmstrat_iac.sandbox.emulator.quotas.limits import exceeded, limit
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page, refuse
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE, arn, tag_map
from llmstrat_iac.sandbox.jobs import SERVING_MISHAPS, Course, Phase


def create(asked: Arguments) -> Mapping[str, Any]:
    """Start the variants of a configuration."""
    name = asked["EndpointName"]
    refuse(STORE.faults.refusal(name), quota="ResourceLimitExceeded", message=exceeded("this use", 0, 0, 1))
    if name in HOSTING.endpoints:
        raise ApiError("ValidationException", f'Cannot create already existing endpoint "{arn(f"endpoint/{name}")}".')
    variants = _variants(asked["EndpointConfigName"])
    check_quota(variants, HOSTING.endpoints.values())
    course = _course(variants, name)
    made = Endpoint(arn(f"endpoint/{name.lower()}"), name, asked["EndpointConfigName"], variants, course, asked)
    HOSTING.endpoints[name] = made
    STORE.tags[made.arn] = tag_map(asked.get("Tags"))
    start_endpoint(made)
    return {"EndpointArn": made.arn}


def update(asked: Arguments) -> Mapping[str, Any]:
    """Go to another configuration; the old one serves until then, and after a failure."""
    endpoint = _changeable(asked["EndpointName"])
    if asked["EndpointConfigName"] == endpoint.config:
        raise ApiError("ValidationException", "Cannot update an endpoint with the configuration that it already has.")
    variants = _variants(asked["EndpointConfigName"])
    if asked.get("RetainAllVariantProperties"):
        _retain(variants, endpoint.variants)
    others = [item for item in HOSTING.endpoints.values() if item is not endpoint]
    check_quota(variants, others)
    endpoint.before = (endpoint.config, endpoint.variants)
    endpoint.config, endpoint.variants = asked["EndpointConfigName"], variants
    endpoint.course = _course(variants, endpoint.config)
    return {"EndpointArn": endpoint.arn}


def change_capacity(asked: Arguments) -> Mapping[str, Any]:
    """Set instance counts and weights in place, as autoscaling does."""
    endpoint = _changeable(asked["EndpointName"])
    variants = {variant.name: variant for variant in endpoint.variants}
    for wanted in asked["DesiredWeightsAndCapacities"]:
        variant = variants.get(wanted["VariantName"])
        if variant is None:
            raise ApiError("ValidationException", f"Could not find variant {wanted['VariantName']}.")
        variant.instances = wanted.get("DesiredInstanceCount", variant.instances)
        variant.weight = wanted.get("DesiredWeight", variant.weight)
        if not variant.instances:
            ENGINES.end(endpoint.arn)
    return {"EndpointArn": endpoint.arn}


def _changeable(name: str) -> Endpoint:
    endpoint = settled(name)
    if endpoint.status != "InService":
        message = f'Cannot update endpoint "{endpoint.arn}" while it is {endpoint.status}.'
        raise ApiError("ValidationException", message)
    return endpoint


def settled(name: str) -> Endpoint:
    """An endpoint, rolled back if its update has failed."""
    endpoint: Endpoint = found(HOSTING.endpoints, "endpoint", name)
    if endpoint.before and endpoint.course.phase() is Phase.FAILED:
        endpoint.config, endpoint.variants = endpoint.before
        endpoint.course = Course(seconds=0.0)
        endpoint.before = None
    elif endpoint.before and endpoint.course.phase() is Phase.COMPLETED:
        endpoint.before = None
    return endpoint


def _variants(config: str) -> list[Variant]:
    asked = copy.deepcopy(found(HOSTING.configs, "endpoint-config", config).asked)
    return [
        Variant(item, _first_count(item), float(item.get("InitialVariantWeight", 1.0)))
        for item in asked["ProductionVariants"]
    ]


def _first_count(variant: Mapping[str, Any]) -> int:
    scaling = variant.get("ManagedInstanceScaling") or {}
    return int(variant.get("InitialInstanceCount", scaling.get("MinInstanceCount", 1)))


def _retain(variants: list[Variant], old: list[Variant]) -> None:
    counts = {variant.name: (variant.instances, variant.weight) for variant in old}
    for variant in variants:
        variant.instances, variant.weight = counts.get(variant.name, (variant.instances, variant.weight))


def check_quota(variants: Iterable[Variant], others: Iterable[Endpoint]) -> None:
    """Refuse what the account-level limit of an instance type doesn't admit."""
    used: dict[str, int] = {}
    for endpoint in others:
        for variant in endpoint.variants if endpoint.status != "Failed" else ():
            kind = str(variant.asked.get("InstanceType"))
            used[kind] = used.get(kind, 0) + variant.instances
    for variant in variants:
        kind = str(variant.asked.get("InstanceType"))
        most = limit("sagemaker", f"{kind} for endpoint usage")
        if most is not None and used.get(kind, 0) + variant.instances > most:
            message = exceeded(f"{kind} for endpoint usage", most, used.get(kind, 0), variant.instances)
            raise ApiError("ResourceLimitExceeded", message)
        used[kind] = used.get(kind, 0) + variant.instances


def _course(variants: list[Variant], name: str) -> Course:
    """Its way; a container that its host can't run fails it."""
    for variant in variants:
        for image in _images(variant):
            problem = image_problem(image, variant.asked.get("InferenceAmiVersion"), variant.name)
            if problem:
                return Course(problem)
    return serving_course(name, variants[0].name)


def serving_course(name: str, variant: str) -> Course:
    """The way of something that serves, with the mishap that its name asks for."""
    mishap = STORE.faults.mishap((name,), kinds=SERVING_MISHAPS)
    return Course(unhealthy(variant) if mishap == "unhealthy" else None, mishap)


def _images(variant: Variant) -> list[str]:
    model = HOSTING.models.get(variant.asked.get("ModelName") or "")
    if model is None:
        return []
    containers = model.asked.get("Containers") or [model.asked.get("PrimaryContainer") or {}]
    return [container["Image"] for container in containers if container.get("Image")]


def describe(asked: Arguments) -> Mapping[str, Any]:
    """An endpoint as it is now."""
    endpoint = settled(asked["EndpointName"])
    return {
        **_summary(endpoint),
        "EndpointConfigName": endpoint.before[0] if endpoint.before else endpoint.config,
        "ProductionVariants": [_variant(endpoint, variant) for variant in endpoint.serving],
        "FailureReason": endpoint.course.complaint if endpoint.status == "Failed" else None,
        "LastDeploymentConfig": endpoint.asked.get("DeploymentConfig"),
    }


def _variant(endpoint: Endpoint, variant: Variant) -> dict[str, Any]:
    count = _instances(endpoint, variant)
    kept = {key: variant.asked[key] for key in ("ManagedInstanceScaling", "RoutingConfig") if variant.asked.get(key)}
    images = [{"SpecifiedImage": image, "ResolvedImage": image} for image in _images(variant)]
    return {
        "VariantName": variant.name,
        "DeployedImages": images,
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
        **kept,
    }


def _instances(endpoint: Endpoint, variant: Variant) -> int:
    """As many as there are copies where SageMaker scales them with the components: a copy takes a whole one."""
    scaling = variant.asked.get("ManagedInstanceScaling") or {}
    if variant.asked.get("ModelName") or scaling.get("Status") != "ENABLED":
        return variant.instances
    copies = sum(
        each.copies
        for each in HOSTING.components.values()
        if (each.endpoint, each.variant) == (endpoint.name, variant.name)
    )
    return int(min(max(copies, scaling.get("MinInstanceCount", 0)), scaling.get("MaxInstanceCount", copies)))


def _summary(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created,
        "LastModifiedTime": max(endpoint.created, endpoint.course.begun),
        "EndpointStatus": endpoint.status,
    }


def list_endpoints(asked: Arguments) -> Mapping[str, Any]:
    """By name, status and time."""
    shown, token = page(listed(HOSTING.endpoints, asked), asked, size="MaxResults", token="NextToken")  # noqa: S106
    return {"Endpoints": [_summary(endpoint) for endpoint in shown], "NextToken": token}


def delete(asked: Arguments) -> Mapping[str, Any]:
    """At once, in any state but an update's; refused while inference components live on it."""
    endpoint = settled(asked["EndpointName"])
    if endpoint.status == "Updating":
        raise ApiError("ValidationException", f'Cannot update in-progress endpoint "{endpoint.arn}".')
    if any(component.endpoint == endpoint.name for component in HOSTING.components.values()):
        message = f'Cannot delete endpoint "{endpoint.arn}" while inference components exist on it.'
        raise ApiError("ValidationException", message)
    forget(HOSTING.endpoints, endpoint)
    ENGINES.end(endpoint.arn)
    return {}


HANDLERS: Mapping[str, Handler] = {
    "CreateEndpoint": create,
    "UpdateEndpoint": update,
    "UpdateEndpointWeightsAndCapacities": change_capacity,
    "DescribeEndpoint": describe,
    "ListEndpoints": list_endpoints,
    "DeleteEndpoint": delete,
}
