"""Cloud Control makes inference components for real, over time, and leaves every other type to upstream."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from hosting_kit import make_config, make_endpoint, make_model, settled
from sandbox_kit import Clients, clients, eventually
from tuning_kit import role

TYPE = "AWS::SageMaker::InferenceComponent"


def test_upstream_still_keeps_a_document_only(plain_emulator_url: str) -> None:
    control = clients(plain_emulator_url)("cloudcontrol")
    made = control.create_resource(TypeName=TYPE, DesiredState='{"EndpointName": "absent"}')["ProgressEvent"]
    assert made["OperationStatus"] == "SUCCESS", (
        "plain ministack now looks into a component: compare, then delete the addition `cloud-control`"
    )


@pytest.fixture(scope="module")
def endpoint(aws: Clients) -> str:
    scaling = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    execution = role(aws, "sagemaker.amazonaws.com")
    name: str = make_endpoint(aws, make_config(aws, {"ManagedInstanceScaling": scaling}, ExecutionRoleArn=execution))
    settled(aws, name)
    return name


def desired(aws: Clients, endpoint: str) -> dict[str, Any]:
    needs = {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024}
    return {
        "InferenceComponentName": f"component-{uuid4().hex[:8]}",
        "EndpointName": endpoint,
        "VariantName": "AllTraffic",
        "Specification": {"ModelName": make_model(aws), "ComputeResourceRequirements": needs},
        "RuntimeConfig": {"CopyCount": 1},
        "Tags": [{"Key": "team", "Value": "a"}],
    }


def over(aws: Clients, event: dict[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("cloudcontrol").get_resource_request_status(RequestToken=event["RequestToken"])
        return found["ProgressEvent"] if found["ProgressEvent"]["OperationStatus"] != "IN_PROGRESS" else None

    found: dict[str, Any] = eventually(look)
    return found


def test_a_component_is_made_changed_and_deleted(aws: Clients, endpoint: str) -> None:
    control, state = aws("cloudcontrol"), desired(aws, endpoint)
    begun = control.create_resource(TypeName=TYPE, DesiredState=json.dumps(state))["ProgressEvent"]
    assert begun["OperationStatus"] == "IN_PROGRESS"
    arn = over(aws, begun)["Identifier"]
    assert arn.endswith(f"inference-component/{state['InferenceComponentName']}")

    def properties() -> dict[str, Any]:
        found = control.get_resource(TypeName=TYPE, Identifier=arn)["ResourceDescription"]["Properties"]
        return dict(json.loads(found))

    first = properties()
    assert (first["InferenceComponentStatus"], first["Tags"]) == ("InService", state["Tags"])
    assert arn in {item["Identifier"] for item in control.list_resources(TypeName=TYPE)["ResourceDescriptions"]}
    patch = [{"op": "replace", "path": "/RuntimeConfig/CopyCount", "value": 0}]
    changed = control.update_resource(TypeName=TYPE, Identifier=arn, PatchDocument=json.dumps(patch))["ProgressEvent"]
    assert over(aws, changed)["OperationStatus"] == "SUCCESS"
    assert properties()["RuntimeConfig"]["DesiredCopyCount"] == 0
    gone = control.delete_resource(TypeName=TYPE, Identifier=arn)["ProgressEvent"]
    assert over(aws, gone)["OperationStatus"] == "SUCCESS"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        properties()


@pytest.mark.parametrize(
    ("change", "code"),
    [({"EndpointName": "absent"}, "Could not find endpoint"), ({"RuntimeConfig": {"CopyCount": -1}}, "at least 0")],
)
def test_what_sagemaker_refuses_fails_the_request(
    aws: Clients, endpoint: str, change: dict[str, Any], code: str
) -> None:
    state = json.dumps({**desired(aws, endpoint), **change})
    event = over(aws, aws("cloudcontrol").create_resource(TypeName=TYPE, DesiredState=state)["ProgressEvent"])
    assert event["OperationStatus"] == "FAILED"
    assert code in event["StatusMessage"]


def test_what_is_only_set_at_creation_cant_be_patched(aws: Clients, endpoint: str) -> None:
    control, state = aws("cloudcontrol"), desired(aws, endpoint)
    arn = over(aws, control.create_resource(TypeName=TYPE, DesiredState=json.dumps(state))["ProgressEvent"])[
        "Identifier"
    ]
    patch = json.dumps([{"op": "replace", "path": "/EndpointName", "value": "other"}])
    event = over(aws, control.update_resource(TypeName=TYPE, Identifier=arn, PatchDocument=patch)["ProgressEvent"])
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotUpdatable")
    control.delete_resource(TypeName=TYPE, Identifier=arn)


def test_other_types_stay_upstreams(aws: Clients) -> None:
    made = aws("cloudcontrol").create_resource(TypeName="AWS::Logs::LogGroup", DesiredState='{"Name": "x"}')
    assert made["ProgressEvent"]["OperationStatus"] == "SUCCESS"
