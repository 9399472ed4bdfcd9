"""The endpoint that a spec becomes: its container, its hosts, how it scales, pauses and ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from components_kit import Deployed, statements
from sagemaker_kit import (
    GATED,
    SERVING,
    TOKEN,
    TRAINING,
    base_weights,
    resolve,
    run_serving,
)

from llmstrat_iac.components.sagemaker.container import variables
from llmstrat_iac.components.sagemaker.endpoint import runtime_url
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.open_model import Adapter
from llmstrat_iac.target import Target

MODEL = "aws:sagemaker/model:Model"
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
COMPONENT = "aws:cloudcontrol/resource:Resource"
ZERO = {"options": {"scale_to_zero": True}, "replicas": {"min": 0, "max": 2}}
HOURS = {"start": "0 7 * * 1-5", "stop": "30 19 * * *", "timezone": "Europe/Berlin", "hours_per_week": 60}


def variant_of(deployed: Deployed) -> dict[str, Any]:
    found: list[dict[str, Any]] = deployed.one(CONFIGURATION).inputs["productionVariants"]
    assert len(found) == 1
    return found[0]


def container_of(deployed: Deployed) -> dict[str, Any]:
    container: dict[str, Any] = deployed.one(MODEL).inputs["primaryContainer"]
    return container


def test_the_hosts_driver_and_the_timeouts_suit_a_large_model(tmp_path: Path) -> None:
    deployed, _ = run_serving(resolve(tmp_path, serving=SERVING))
    variant = variant_of(deployed)
    assert variant["inferenceAmiVersion"] == "al2023-ami-sagemaker-inference-gpu-4-1"
    assert variant["containerStartupHealthCheckTimeoutInSeconds"] == 3600
    assert variant["modelDataDownloadTimeoutInSeconds"] == 3600
    assert variant["routingConfigs"] == [{"routingStrategy": "LEAST_OUTSTANDING_REQUESTS"}]
    assert variant["instanceType"] == "ml.g6e.xlarge"
    assert "volumeSizeInGb" not in variant, "SageMaker refuses a size for types with NVMe disks"


def test_a_driver_that_is_too_old_is_refused_before_anything_is_registered(tmp_path: Path) -> None:
    """Such an endpoint stays in Creating without a log."""
    options = {"inference_ami": "al2-ami-sagemaker-inference-gpu-3-1"}
    with pytest.raises(LlmstratError, match=r"needs CUDA 13\.0.*has 12\.4"):
        run_serving(resolve(tmp_path, serving=SERVING | {"options": options}))


def test_an_older_image_suits_an_older_driver(tmp_path: Path) -> None:
    options = {
        "inference_ami": "al2-ami-sagemaker-inference-gpu-3-1",
        "image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.10.2-gpu-py312-cu129-ubuntu22.04-sagemaker",
    }
    deployed, _ = run_serving(resolve(tmp_path, serving=SERVING | {"options": options}))
    assert variant_of(deployed)["inferenceAmiVersion"] == options["inference_ami"]


def test_a_gated_model_is_copied_first_and_the_container_gets_neither_token_nor_network(tmp_path: Path) -> None:
    deployed, _ = run_serving(resolve(tmp_path, model=GATED, serving=SERVING), token=True)
    model, container = deployed.one(MODEL).inputs, container_of(deployed)
    assert model["enableNetworkIsolation"] is True
    assert not [name for name in container["environment"] if "TOKEN" in name]
    assert TOKEN not in json.dumps(dict(model), default=str)
    assert container["environment"]["SM_VLLM_MODEL"] == "/opt/ml/model"
    assert container["environment"]["HF_HUB_OFFLINE"] == "1"
    source = container["modelDataSource"]["s3DataSources"][0]
    assert source["s3Uri"] == "s3://artifacts/hub/copied/output/model/model/"
    serving = statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "serving"))
    assert not [each for each in serving if "secretsmanager" in str(each)]
    copying = statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "hub-copy"))
    assert [TOKEN] in [each["Resource"] for each in copying]


def test_the_copy_is_of_the_pinned_revision_and_depends_on_the_model_alone(tmp_path: Path) -> None:
    copies = []
    for context in (2048, 4096):
        deployed, _ = run_serving(resolve(tmp_path, serving=SERVING | {"max_context": context}))
        copies.append(deployed.one("pulumi-python:dynamic/llmstrat:HubCopy").inputs)
    assert copies[0]["models"] == copies[1]["models"]
    assert copies[0]["job_name"] == copies[1]["job_name"]
    assert len(copies[0]["job_name"]) <= 63 - len("-1700000000")
    assert json.loads(copies[0]["models"]) == [
        {"id": "Qwen/Qwen3-8B", "revision": GATED["revision"], "folder": "model"}
    ]


def test_vllm_hears_the_same_arguments_as_on_ec2(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, serving=SERVING | {"max_context": 4096, "quantization": "fp8"})
    environment = container_of(run_serving(resolved)[0])["environment"]
    assert environment["SM_VLLM_MAX_MODEL_LEN"] == "4096"
    assert environment["SM_VLLM_QUANTIZATION"] == "fp8"
    assert environment["SM_VLLM_TENSOR_PARALLEL_SIZE"] == "1"
    assert environment["SM_VLLM_SERVED_MODEL_NAME"] == "main"
    assert environment["SM_VLLM_ENABLE_FORCE_INCLUDE_USAGE"] == "true"
    assert "SM_VLLM_PORT" not in environment, "the container's own port is SageMaker's"


def test_several_values_of_an_argument_are_a_json_array() -> None:
    modules = ['{"name": "a", "path": "/x"}', '{"name": "b", "path": "/y"}']
    assert variables(["--lora-modules", *modules, "--enable-lora"]) == {
        "SM_VLLM_LORA_MODULES": '[{"name": "a", "path": "/x"}, {"name": "b", "path": "/y"}]',
        "SM_VLLM_ENABLE_LORA": "true",
    }
    assert variables(["--lora-modules", modules[0]]) == {"SM_VLLM_LORA_MODULES": modules[0]}


def test_adapters_are_data_sources_beside_the_base(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, training=TRAINING, serving=SERVING)
    adapters = (
        Adapter("main", "s3://artifacts/training/k-1/output/job/output/model/", None, 16),
        Adapter("style:v2", "s3://shared/style/", None, 8),
    )
    deployed, _ = run_serving(resolved, base_weights(resolved, served_name="main-base", adapters=adapters))
    container = container_of(deployed)
    sources = {
        each["channelName"]: each["s3DataSources"][0]["s3Uri"] for each in container["additionalModelDataSources"]
    }
    assert sources == {"adapter-1": adapters[0].source, "adapter-2": adapters[1].source}
    modules = {each["name"]: each["path"] for each in json.loads(container["environment"]["SM_VLLM_LORA_MODULES"])}
    assert modules == {
        "main": "/opt/ml/additional-model-data-sources/adapter-1",
        "style:v2": "/opt/ml/additional-model-data-sources/adapter-2",
    }
    readable = [
        resource
        for each in statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "serving"))
        if each["Action"] == ["s3:GetObject"]
        for resource in each["Resource"]
    ]
    assert "arn:aws:s3:::shared/style/*" in readable
    assert "arn:aws:s3:::artifacts/training/k-1/output/job/output/model/*" in readable


def test_a_change_makes_new_names_and_keeps_the_endpoints(tmp_path: Path) -> None:
    runs = [
        run_serving(resolve(tmp_path, serving=SERVING | change))[0]
        for change in ({}, {}, {"max_context": 4096}, {"instance": "g6e.2xlarge"})
    ]
    models = [deployed.one(MODEL).inputs["name"] for deployed in runs]
    configurations = [deployed.one(CONFIGURATION).inputs["name"] for deployed in runs]
    assert models[0] == models[1] == models[3] != models[2]
    assert configurations[0] == configurations[1]
    assert len(set(configurations)) == 3
    assert {deployed.one(ENDPOINT).inputs["name"] for deployed in runs} == {"support-dev-endpoint"}
    assert all(len(name) <= 63 for name in (*models, *configurations))


def test_paused_there_is_no_endpoint_and_the_way_to_it_is_the_same(tmp_path: Path) -> None:
    running, fleet = run_serving(resolve(tmp_path, serving=SERVING, limits={"ttl": "24h"}))
    paused, same = run_serving(resolve(tmp_path, serving=SERVING | {"paused": True}, limits={"ttl": "24h"}))
    assert same == fleet
    assert running.of(ENDPOINT)
    assert not paused.of(ENDPOINT)
    assert not paused.of("aws:scheduler/schedule:Schedule")
    assert paused.one(MODEL).inputs["name"] == running.one(MODEL).inputs["name"]


def test_the_relay_may_call_this_endpoint_and_no_other(tmp_path: Path) -> None:
    _, fleet = run_serving(resolve(tmp_path, serving=SERVING))
    assert fleet.upstream.wire == "sagemaker"
    assert fleet.upstream.auth == "sigv4"
    assert fleet.upstream.base_url == (
        "https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/support-dev-endpoint"
    )
    (statement,) = fleet.permissions
    assert statement.actions == ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")
    assert statement.resources == ("arn:{partition}:sagemaker:{region}:{account}:endpoint/support-dev-endpoint",)


def test_what_replaces_awss_endpoints_replaces_this_one(tmp_path: Path) -> None:
    _, fleet = run_serving(resolve(tmp_path, serving=SERVING), target=Target("http://127.0.0.1:4566"))
    assert fleet.upstream.base_url == "http://127.0.0.1:4566/endpoints/support-dev-endpoint"


def test_china_has_its_own_domain() -> None:
    assert runtime_url("cn-north-1") == "https://runtime.sagemaker.cn-north-1.amazonaws.com.cn"


def test_replicas_follow_the_requests_that_each_has_at_once(tmp_path: Path) -> None:
    scaling = {"replicas": {"min": 1, "max": 3}, "concurrency": 8, "scaling": {"waiting_requests": 4}}
    deployed, _ = run_serving(resolve(tmp_path, serving=SERVING | scaling))
    target = deployed.one("aws:appautoscaling/target:Target").inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (1, 3)
    assert target["resourceId"] == "endpoint/support-dev-endpoint/variant/main"
    policy = deployed.one("aws:appautoscaling/policy:Policy").inputs["targetTrackingScalingPolicyConfiguration"]
    assert policy["targetValue"] == 12
    metric = policy["predefinedMetricSpecification"]["predefinedMetricType"]
    assert metric == "SageMakerVariantConcurrentRequestsPerModelHighResolution"


def test_scaling_to_zero_wakes_up_at_a_call_that_finds_nothing(tmp_path: Path) -> None:
    deployed, fleet = run_serving(resolve(tmp_path, serving=SERVING | ZERO))
    variant = variant_of(deployed)
    assert "modelName" not in variant
    assert variant["managedInstanceScaling"] == {"status": "ENABLED", "minInstanceCount": 0, "maxInstanceCount": 2}
    assert deployed.one(CONFIGURATION).inputs["executionRoleArn"]
    desired = json.loads(deployed.one(COMPONENT).inputs["desiredState"])
    assert desired["Specification"]["ComputeResourceRequirements"]["NumberOfAcceleratorDevicesRequired"] == 1
    assert {"Key": "llmstrat:stack", "Value": "support-dev"} in desired["Tags"]
    target = deployed.one("aws:appautoscaling/target:Target").inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (0, 2)
    alarm = deployed.one("aws:cloudwatch/metricAlarm:MetricAlarm").inputs
    assert alarm["metricName"] == "NoCapacityInvocationFailures"
    assert alarm["dimensions"] == {"InferenceComponentName": desired["InferenceComponentName"]}
    assert [arn.rpartition(":")[2] for arn in alarm["alarmActions"]] == ["support-dev-wake"]
    assert deployed.one("aws:appautoscaling/policy:Policy", "fleet-wake").inputs["policyType"] == "StepScaling"
    assert fleet.upstream.base_url.endswith("?inference-component=support-dev-model")
    assert fleet.permissions[0].resources[1].endswith(":inference-component/support-dev-model")


def test_a_new_model_in_a_component_needs_no_new_configuration(tmp_path: Path) -> None:
    runs = [
        run_serving(resolve(tmp_path, serving=SERVING | ZERO | {"max_context": context}))[0] for context in (2048, 4096)
    ]
    assert runs[0].one(MODEL).inputs["name"] != runs[1].one(MODEL).inputs["name"]
    assert runs[0].one(CONFIGURATION).inputs["name"] == runs[1].one(CONFIGURATION).inputs["name"]


def test_hours_start_and_stop_it_by_the_clock(tmp_path: Path) -> None:
    deployed, _ = run_serving(resolve(tmp_path, serving=SERVING | ZERO | {"hours": HOURS}))
    actions = {each.name: each.inputs for each in deployed.of("aws:appautoscaling/scheduledAction:ScheduledAction")}
    start, stop = actions["fleet-start"], actions["fleet-stop"]
    assert (start["schedule"], stop["schedule"]) == ("cron(0 7 ? * 2-6 *)", "cron(30 19 * * ? *)")
    assert start["timezone"] == stop["timezone"] == "Europe/Berlin"
    assert start["scalableTargetAction"] == {"minCapacity": 1, "maxCapacity": 2}
    assert stop["scalableTargetAction"] == {"minCapacity": 0, "maxCapacity": 0}
    assert start["endTime"] == stop["endTime"] == "2099-12-01T17:59:00Z", "a minute before the stack's"


@pytest.mark.parametrize(
    ("serving", "calls"),
    [
        ({}, [("deleteEndpoint", {"EndpointName": "support-dev-endpoint"})]),
        (
            ZERO,
            [
                ("deleteInferenceComponent", {"InferenceComponentName": "support-dev-model"}),
                ("deleteEndpoint", {"EndpointName": "support-dev-endpoint"}),
            ],
        ),
    ],
    ids=["plain", "component"],
)
def test_what_bills_by_the_hour_is_deleted_when_the_stack_expires(
    tmp_path: Path, serving: dict[str, Any], calls: list[tuple[str, dict[str, str]]]
) -> None:
    deployed, _ = run_serving(resolve(tmp_path, serving=SERVING | serving, limits={"ttl": "24h"}))
    targets = [each.inputs["target"] for each in deployed.of("aws:scheduler/schedule:Schedule")]
    assert [(each["arn"].rpartition(":")[2], json.loads(each["input"])) for each in targets] == calls
    allowed = statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "fleet-expiry"))
    assert all(len(each["Resource"]) == 1 and "*" not in each["Resource"][0] for each in allowed)


def test_an_endpoint_goes_when_its_component_has_gone(tmp_path: Path) -> None:
    """SageMaker refuses to delete it before, and takes minutes to delete the component."""
    deployed, _ = run_serving(resolve(tmp_path, serving=SERVING | ZERO))
    times = [each.inputs["scheduleExpression"] for each in deployed.of("aws:scheduler/schedule:Schedule")]
    assert times == ["at(2099-12-01T18:00:00)", "at(2099-12-01T18:15:00)"]


def test_never_expiring_stacks_have_no_schedule(tmp_path: Path) -> None:
    deployed, _ = run_serving(resolve(tmp_path, serving=SERVING, limits={"ttl": "never"}))
    assert deployed.of(ENDPOINT)
    assert not deployed.of("aws:scheduler/schedule:Schedule")


def test_roles_name_every_resource_that_has_a_name(tmp_path: Path) -> None:
    deployed, _ = run_serving(resolve(tmp_path, model=GATED, serving=SERVING), token=True)
    for registration in deployed.of("aws:iam/rolePolicy:RolePolicy"):
        for each in statements(registration):
            assert not any("*" in action for action in each["Action"])
            if "*" in each["Resource"]:
                assert set(each["Action"]) <= {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"}


def test_the_log_group_is_there_before_sagemaker_would_make_one_without_an_end(tmp_path: Path) -> None:
    options = {"log_retention_days": 7}
    deployed, _ = run_serving(resolve(tmp_path, serving=SERVING | {"options": options}))
    log = deployed.one("aws:cloudwatch/logGroup:LogGroup")
    assert log.inputs == {"name": "/aws/sagemaker/Endpoints/support-dev-endpoint", "retentionInDays": 7}
    assert f"{log.type}::{log.name}" in deployed.one(ENDPOINT).dependencies


def test_either_name_of_an_instance_type_means_the_same(tmp_path: Path) -> None:
    variants = [
        variant_of(run_serving(resolve(tmp_path, serving=SERVING | {"instance": name}))[0])
        for name in ("g6e.xlarge", "ml.g6e.xlarge")
    ]
    assert variants[0]["instanceType"] == variants[1]["instanceType"] == "ml.g6e.xlarge"
