"""Inference components: models that share an endpoint's instances, each with a number of copies that may be zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.hosting.endpoints import serving_course, settled
from llmstrat_iac.sandbox.emulator.hosting.engines import ENGINES, container_of
from llmstrat_iac.sandbox.emulator.hosting.images import image_problem
from llmstrat_iac.sandbox.emulator.hosting.store import HOSTING, Component, Endpoint, Variant, forget, found, listed
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page, refuse
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE, arn, tag_map
from llmstrat_iac.sandbox.jobs import Course


def create(asked: Arguments) -> Mapping[str, Any]:
    """Put copies of a model on an endpoint in service."""
    name = asked["InferenceComponentName"]
    refuse(STORE.faults.refusal(name), quota="ResourceLimitExceeded", message="The limit for components is exceeded.")
    if name in HOSTING.components:
        message = f'Cannot create already existing inference component "{arn(f"inference-component/{name}")}".'
        raise ApiError("ValidationException", message)
    endpoint = settled(asked["EndpointName"])
    if not endpoint.answers:
        raise ApiError("ValidationException", f"The endpoint {endpoint.name} is {endpoint.status}, not InService.")
    variant = _variant(endpoint, asked.get("VariantName"))
    course = _course(asked.get("Specification") or {}, variant, name)
    copies = int((asked.get("RuntimeConfig") or {}).get("CopyCount", 1))
    made = Component(
        arn(f"inference-component/{name.lower()}"), name, endpoint.name, variant.name, asked, copies, course
    )
    HOSTING.components[name] = made
    STORE.tags[made.arn] = tag_map(asked.get("Tags"))
    _settle_engine(made)
    return {"InferenceComponentArn": made.arn}


def _settle_engine(component: Component) -> None:
    """Run its server while it has copies. An adapter is served by its base."""
    specification = component.asked.get("Specification") or {}
    container = container_of(specification)
    if component.copies < 1 or component.course.complaint is not None:
        ENGINES.end(component.arn)
    elif container is not None and not specification.get("BaseInferenceComponentName"):
        ENGINES.keep(component, container)


def _variant(endpoint: Endpoint, name: str | None) -> Variant:
    wanted = [variant for variant in endpoint.serving if name in (None, variant.name)]
    if not wanted:
        raise ApiError("ValidationException", f"The endpoint {endpoint.name} has no variant {name}.")
    if wanted[0].asked.get("ModelName"):
        message = f"The variant {wanted[0].name} serves a model of its own and takes no inference components."
        raise ApiError("ValidationException", message)
    return wanted[0]


def _course(specification: Mapping[str, Any], variant: Variant, name: str) -> Course:
    image = _image(specification)
    problem = image_problem(image, variant.asked.get("InferenceAmiVersion"), variant.name) if image else None
    return Course(problem) if problem else serving_course(name, variant.name)


def _image(specification: Mapping[str, Any]) -> str:
    if specification.get("ModelName"):
        model = found(HOSTING.models, "model", specification["ModelName"])
        return str((model.asked.get("PrimaryContainer") or {}).get("Image") or "")
    base = specification.get("BaseInferenceComponentName")
    if base:
        found(HOSTING.components, "inference-component", base)
    return str((specification.get("Container") or {}).get("Image") or "")


def update(asked: Arguments) -> Mapping[str, Any]:
    """Another specification, or another number of copies."""
    component = _component(asked["InferenceComponentName"])
    if component.status in ("Creating", "Updating"):
        raise ApiError("ValidationException", f"Cannot update the inference component while it is {component.status}.")
    if asked.get("Specification"):
        component.asked = {**component.asked, "Specification": asked["Specification"]}
        variant = _variant(settled(component.endpoint), component.variant)
        component.course = _course(asked["Specification"], variant, component.name)
        component.updating = True
    if asked.get("RuntimeConfig"):
        component.copies = int(asked["RuntimeConfig"]["CopyCount"])
    _settle_engine(component)
    return {"InferenceComponentArn": component.arn}


def change_copies(asked: Arguments) -> Mapping[str, Any]:
    """Set the number of copies, as autoscaling does."""
    component = _component(asked["InferenceComponentName"])
    component.copies = int(asked["DesiredRuntimeConfig"]["CopyCount"])
    _settle_engine(component)
    return {"InferenceComponentArn": component.arn}


def _component(name: str) -> Component:
    component: Component = found(HOSTING.components, "inference-component", name)
    return component


def describe(asked: Arguments) -> Mapping[str, Any]:
    """A component as it is now."""
    component = _component(asked["InferenceComponentName"])
    specification = dict(component.asked.get("Specification") or {})
    container = dict(specification.get("Container") or {})
    image = container.pop("Image", None)
    if image:
        container["DeployedImage"] = {"SpecifiedImage": image, "ResolvedImage": image}
    if container:
        specification["Container"] = container
    return {
        **_summary(component),
        "Specification": specification,
        "RuntimeConfig": {"DesiredCopyCount": component.copies, "CurrentCopyCount": component.ready},
        "FailureReason": component.course.complaint if component.status == "Failed" else None,
    }


def _summary(component: Component) -> dict[str, Any]:
    return {
        "InferenceComponentName": component.name,
        "InferenceComponentArn": component.arn,
        "EndpointName": component.endpoint,
        "EndpointArn": arn(f"endpoint/{component.endpoint.lower()}"),
        "VariantName": component.variant,
        "InferenceComponentStatus": component.status,
        "CreationTime": component.created,
        "LastModifiedTime": max(component.created, component.course.begun),
    }


def list_components(asked: Arguments) -> Mapping[str, Any]:
    """By name, endpoint and status."""
    items = [
        item for item in listed(HOSTING.components, asked) if asked.get("EndpointNameEquals") in (None, item.endpoint)
    ]
    shown, token = page(items, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"InferenceComponents": [_summary(component) for component in shown], "NextToken": token}


def delete(asked: Arguments) -> Mapping[str, Any]:
    """At once; refused while adapters rest on it."""
    component = _component(asked["InferenceComponentName"])
    for other in HOSTING.components.values():
        if (other.asked.get("Specification") or {}).get("BaseInferenceComponentName") == component.name:
            raise ApiError("ValidationException", f"Cannot delete {component.name}: {other.name} is based on it.")
    forget(HOSTING.components, component)
    ENGINES.end(component.arn)
    return {}


HANDLERS: Mapping[str, Handler] = {
    "CreateInferenceComponent": create,
    "UpdateInferenceComponent": update,
    "UpdateInferenceComponentRuntimeConfig": change_copies,
    "DescribeInferenceComponent": describe,
    "ListInferenceComponents": list_components,
    "DeleteInferenceComponent": delete,
}
