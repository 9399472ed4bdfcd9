"""SageMaker endpoints: made over time, refused and failed for AWS's reasons, answered by a server that streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from hosting_kit import AMI, IMAGE, make_config, make_endpoint, make_model, settled
from quota_kit import set_quotas
from sandbox_kit import Clients, clients, eventually, standing_time
from tuning_kit import bucket, role

QUESTION = {"model": "tiny", "messages": [{"role": "user", "content": "Tell me something."}], "max_tokens": 24}


@pytest.fixture(scope="module")
def endpoint(aws: Clients) -> Iterator[str]:
    """One in service."""
    name = make_endpoint(aws, make_config(aws))
    assert settled(aws, name)["EndpointStatus"] == "InService"
    yield name
    aws("sagemaker").delete_endpoint(EndpointName=name)


def invoke(aws: Clients, name: str, **more: Any) -> Any:
    body = json.dumps({**QUESTION, **more.pop("body", {})})
    return aws("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=body, ContentType="application/json", **more
    )


def test_an_endpoint_comes_into_service_and_goes(aws: Clients) -> None:
    sagemaker, config = aws("sagemaker"), make_config(aws)
    with standing_time():
        name = make_endpoint(aws, config)
        assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating"
        with pytest.raises(ClientError, match="Cannot update endpoint"):
            sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=make_config(aws))
    found = settled(aws, name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", config)
    assert found["ProductionVariants"][0]["DesiredInstanceCount"] == 1
    assert found["ProductionVariants"][0]["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert [item["EndpointName"] for item in sagemaker.list_endpoints(NameContains=name)["Endpoints"]] == [name]
    sagemaker.delete_endpoint(EndpointName=name)
    with pytest.raises(ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName=name)


def test_an_update_serves_the_old_configuration_until_it_is_through(aws: Clients, endpoint: str) -> None:
    sagemaker = aws("sagemaker")
    first = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    second = make_config(aws, {"InitialInstanceCount": 2})
    with standing_time():
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=second)
        during = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert (during["EndpointStatus"], during["EndpointConfigName"]) == ("Updating", first)
    after = settled(aws, endpoint)
    assert (after["EndpointConfigName"], after["ProductionVariants"][0]["CurrentInstanceCount"]) == (second, 2)


def test_a_failed_update_rolls_back(aws: Clients, endpoint: str) -> None:
    sagemaker = aws("sagemaker")
    first = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    bad = make_config(aws, {"InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-3-1"})
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=bad)
    found = settled(aws, endpoint)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", first)


@pytest.mark.parametrize(
    ("tag", "ami", "status"),
    [
        ("server-sagemaker-cuda-v2.4", None, "Failed"),
        ("server-sagemaker-cuda-v2.4", "al2-ami-sagemaker-inference-gpu-3-1", "Failed"),
        ("server-sagemaker-cuda-v1.1", "al2-ami-sagemaker-inference-gpu-3-1", "InService"),
        ("0.27.1-gpu-py312-cu130-ubuntu22.04-sagemaker", AMI, "InService"),
    ],
)
def test_an_image_needs_a_host_with_its_cuda(aws: Clients, tag: str, ami: str | None, status: str) -> None:
    container = {"Image": IMAGE.rpartition(":")[0] + f":{tag}", "Environment": {"SM_VLLM_MODEL": "org/tiny"}}
    model = make_model(aws, PrimaryContainer=container)
    settings = {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.g6.xlarge"}
    variant = {**settings, "InitialInstanceCount": 1, **({"InferenceAmiVersion": ami} if ami else {})}
    config = f"config-{uuid4().hex[:8]}"
    aws("sagemaker").create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    name = make_endpoint(aws, config)
    found = settled(aws, name)
    assert found["EndpointStatus"] == status
    assert ("health check" in found.get("FailureReason", "")) == (status == "Failed")
    aws("sagemaker").delete_endpoint(EndpointName=name)


def test_a_fault_fails_the_endpoint(aws: Clients) -> None:
    name = make_endpoint(aws, make_config(aws), f"fault-unhealthy-{uuid4().hex[:6]}")
    assert "did not pass the ping health check" in settled(aws, name)["FailureReason"]


def test_a_quota_of_zero_refuses_the_endpoint(emulator_url: str, aws: Clients) -> None:
    config = make_config(aws, {"InstanceType": "ml.p5.48xlarge"})
    set_quotas(emulator_url, {"ml.p5.48xlarge for endpoint usage": 0})
    try:
        with pytest.raises(ClientError, match=r"LimitExceeded.*'ml\.p5\.48xlarge for endpoint usage' is 0 In"):
            make_endpoint(aws, config)
    finally:
        set_quotas(emulator_url, {})


@pytest.mark.parametrize(
    ("variant", "refusal"),
    [
        ({"ModelName": "absent"}, "Could not find model"),
        ({"InstanceType": "ml.g99.xlarge"}, "enum value set"),
        ({"VolumeSizeInGB": 256}, "VolumeSizeInGB parameter is not allowed"),
        ({"ContainerStartupHealthCheckTimeoutInSeconds": 4000}, "at most 3600"),
    ],
)
def test_what_sagemaker_refuses_is_refused(aws: Clients, variant: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        make_config(aws, variant)


def test_a_model_needs_its_data_and_its_role(aws: Clients) -> None:
    source = {"S3DataType": "S3Prefix", "CompressionType": "None", "S3Uri": f"{bucket(aws, 'x')}/absent/"}
    with pytest.raises(ClientError, match="Could not access model data"):
        make_model(aws, PrimaryContainer={"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}})
    with pytest.raises(ClientError, match="Could not assume role"):
        make_model(aws, ExecutionRoleArn=role(aws, "lambda.amazonaws.com"))


def test_an_answer_comes_from_the_server(aws: Clients, endpoint: str) -> None:
    answer = invoke(aws, endpoint)
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["ContentType"].startswith("application/json")
    content = json.loads(answer["Body"].read())
    assert content["choices"][0]["message"]["content"]
    assert content["model"] == "tiny"


def test_a_stream_comes_in_parts(aws: Clients, endpoint: str) -> None:
    body = json.dumps({**QUESTION, "stream": True})
    answer = aws("sagemaker-runtime").invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=body)
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert answer["ContentType"].startswith("text/event-stream")
    assert len(parts) > 3, "the server's pieces arrived in one"
    assert b"".join(parts).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(("body", "status"), [({"model": "absent"}, 404), ({"messages": None}, 400)])
def test_what_the_server_refuses_is_a_model_error(
    aws: Clients, endpoint: str, body: dict[str, Any], status: int
) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(aws, endpoint, body=body)
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert caught.value.response["OriginalStatusCode"] == status
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_what_isnt_there_cant_be_called(aws: Clients) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*Endpoint absent of account \d+ not found"):
        invoke(aws, "absent")


def test_an_objects_path_like_an_endpoints_stays_s3s(emulator_url: str) -> None:
    s3 = clients(emulator_url)("s3")
    s3.create_bucket(Bucket="endpoints")
    s3.put_object(Bucket="endpoints", Key="x/invocations", Body=b"mine")
    assert s3.get_object(Bucket="endpoints", Key="x/invocations")["Body"].read() == b"mine"


def test_components_share_an_endpoint_and_scale_to_zero(aws: Clients) -> None:
    sagemaker = aws("sagemaker")
    scaling = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    config = make_config(
        aws, {"ManagedInstanceScaling": scaling}, ExecutionRoleArn=role(aws, "sagemaker.amazonaws.com")
    )
    endpoint = make_endpoint(aws, config)
    settled(aws, endpoint)
    name = f"component-{uuid4().hex[:8]}"
    specification = {
        "ModelName": make_model(aws),
        "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024},
    }
    sagemaker.create_inference_component(
        InferenceComponentName=name, EndpointName=endpoint, VariantName="AllTraffic", Specification=specification,
        RuntimeConfig={"CopyCount": 1},
    )  # fmt: skip

    def ready() -> bool:
        found = sagemaker.describe_inference_component(InferenceComponentName=name)
        return bool(found["InferenceComponentStatus"] == "InService")

    assert eventually(ready)
    assert settled(aws, endpoint)["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    with pytest.raises(ClientError, match="Inference Component Name header is required"):
        invoke(aws, endpoint)
    assert json.loads(invoke(aws, endpoint, InferenceComponentName=name)["Body"].read())["choices"]
    sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": 0}
    )
    with pytest.raises(ClientError, match="no capacity to process this request"):
        invoke(aws, endpoint, InferenceComponentName=name)
    assert settled(aws, endpoint)["ProductionVariants"][0]["CurrentInstanceCount"] == 0
    with pytest.raises(ClientError, match="while inference components exist"):
        sagemaker.delete_endpoint(EndpointName=endpoint)
    sagemaker.delete_inference_component(InferenceComponentName=name)
    sagemaker.delete_endpoint(EndpointName=endpoint)
