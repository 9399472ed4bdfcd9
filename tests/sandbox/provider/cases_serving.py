"""Rows of SageMaker's hosting, Application Auto Scaling, Cloud Control, and of a training job on instances."""

from __future__ import annotations

import json
from typing import Any

import pulumi
from aws_case import Case, found

_REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
_IMAGE = f"{_REGISTRY}/vllm:server-sagemaker-cuda-v2.4"
_AMI = "al2023-ami-sagemaker-inference-gpu-4-1"
_VARIANT = "sagemaker:variant:DesiredInstanceCount"


def _uri(thing: pulumi.CustomResource, path: str = "") -> pulumi.Output[str]:
    return pulumi.Output.concat("s3://", thing.id, path)


def _container(name: str) -> dict[str, Any]:
    environment = {"SM_VLLM_MODEL": "org/tiny", "SM_VLLM_SERVED_MODEL_NAME": name}
    return {"image": _IMAGE, "environment": environment}


def _variant(model: Any, **more: Any) -> dict[str, Any]:
    return {
        "variant_name": "AllTraffic", "model_name": model, "instance_type": "ml.g6e.xlarge",
        "initial_instance_count": 1, "inference_ami_version": _AMI,
        "container_startup_health_check_timeout_in_seconds": 1800, "model_data_download_timeout_in_seconds": 1800,
        "routing_configs": [{"routing_strategy": "LEAST_OUTSTANDING_REQUESTS"}], **more,
    }  # fmt: skip


def _scaled(m: Any) -> dict[str, Any]:
    return {
        "service_namespace": m["scaling-target"].service_namespace,
        "resource_id": m["scaling-target"].resource_id,
        "scalable_dimension": m["scaling-target"].scalable_dimension,
    }


def _tracking(metric: str, target: float) -> dict[str, Any]:
    specification = {"predefined_metric_type": metric}
    return {"target_value": target, "predefined_metric_specification": specification, "scale_in_cooldown": 300}


def _component(m: Any, name: str, copies: int) -> pulumi.Output[str]:
    needs = {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024}
    return pulumi.Output.all(endpoint=m["component-endpoint"].name, model=m["model"].name).apply(
        lambda known: json.dumps({
            "InferenceComponentName": name, "EndpointName": known["endpoint"], "VariantName": "AllTraffic",
            "Specification": {"ModelName": known["model"], "ComputeResourceRequirements": needs},
            "RuntimeConfig": {"CopyCount": copies}, "Tags": [{"Key": "team", "Value": "a"}],
        })
    )  # fmt: skip


def _endpoints(aws: Any) -> Any:
    return aws("sagemaker").list_endpoints()["Endpoints"]


SERVING = (
    Case(
        "model", "aws:sagemaker/model:Model",
        lambda m: {
            "execution_role_arn": m["tuning-role"].arn, "tags": {"team": "a"},
            "vpc_config": {"security_group_ids": ["sg-1", "sg-2"], "subnets": ["subnet-1"]},
            "primary_container": {
                **_container("tiny"),
                "model_data_source": {
                    "s3_data_sources": [
                        {"s3_uri": _uri(m["pairs.jsonl"]), "s3_data_type": "S3Prefix", "compression_type": "None"}
                    ]
                },
            },
        },
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"primary_container": _container("other")},
        lambda aws, out: aws("sagemaker").list_models(NameContains=out["id"])["Models"],
    ),
    Case(
        "endpoint-config", "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
        lambda m: {"production_variants": [_variant(m["model"].name)], "tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"production_variants": [_variant(m["model"].name, instance_type="ml.g6.xlarge")]},
        lambda aws, out: aws("sagemaker").list_endpoint_configs(NameContains=out["id"])["EndpointConfigs"],
    ),
    Case(
        "endpoint", "aws:sagemaker/endpoint:Endpoint",
        lambda m: {"endpoint_config_name": m["endpoint-config"].name, "tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b"}},
        None,
        lambda aws, out: found(_endpoints(aws), EndpointName=out["id"], EndpointStatus="InService"),
    ),
    Case(
        "component-config", "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
        lambda m: {
            "name": "fidelity-components", "execution_role_arn": m["tuning-role"].arn,
            "production_variants": [
                {
                    "variant_name": "AllTraffic", "instance_type": "ml.g6e.xlarge", "initial_instance_count": 1,
                    "inference_ami_version": _AMI,
                    "managed_instance_scaling": {"status": "ENABLED", "min_instance_count": 0, "max_instance_count": 2},
                }
            ],
        },
        None, None,
        lambda aws, out: aws("sagemaker").list_endpoint_configs(NameContains=out["id"])["EndpointConfigs"],
    ),
    Case(
        "component-endpoint", "aws:sagemaker/endpoint:Endpoint",
        lambda m: {"name": "fidelity-components", "endpoint_config_name": m["component-config"].name},
        None, None,
        lambda aws, out: found(_endpoints(aws), EndpointName=out["id"]),
    ),
    Case(
        "component", "aws:cloudcontrol/resource:Resource",
        lambda m: {
            "type_name": "AWS::SageMaker::InferenceComponent", "desired_state": _component(m, "fidelity", 1),
        },
        lambda m: {"desired_state": _component(m, "fidelity", 0)},
        lambda m: {"desired_state": _component(m, "fidelity-2", 0)},
        lambda aws, out: aws("cloudcontrol").get_resource(
            TypeName="AWS::SageMaker::InferenceComponent", Identifier=out["id"]
        ),
    ),
    Case(
        "scaling-target", "aws:appautoscaling/target:Target",
        lambda m: {
            "service_namespace": "sagemaker", "scalable_dimension": _VARIANT, "min_capacity": 1, "max_capacity": 2,
            "resource_id": pulumi.Output.concat("endpoint/", m["endpoint"].name, "/variant/AllTraffic"),
            "tags": {"team": "a"},
        },
        lambda m: {"max_capacity": 3, "tags": {"team": "b"}},
        None,
        lambda aws, out: aws("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[out["id"]]
        )["ScalableTargets"],
    ),
    Case(
        "scaling-policy", "aws:appautoscaling/policy:Policy",
        lambda m: {
            **_scaled(m), "policy_type": "TargetTrackingScaling",
            "target_tracking_scaling_policy_configuration": _tracking("SageMakerVariantInvocationsPerInstance", 5),
        },
        lambda m: {
            "target_tracking_scaling_policy_configuration": _tracking("SageMakerVariantInvocationsPerInstance", 7.5),
        },
        lambda m: {"name": "fidelity-2"},
        lambda aws, out: aws("application-autoscaling").describe_scaling_policies(
            ServiceNamespace="sagemaker", PolicyNames=[out["id"]]
        )["ScalingPolicies"],
    ),
    Case(
        "step-policy", "aws:appautoscaling/policy:Policy",
        lambda m: {
            **_scaled(m), "name": "fidelity-step",
            "step_scaling_policy_configuration": {
                "adjustment_type": "ChangeInCapacity", "cooldown": 60, "metric_aggregation_type": "Maximum",
                "step_adjustments": [
                    {"metric_interval_lower_bound": "0", "metric_interval_upper_bound": "2.5", "scaling_adjustment": 1},
                    {"metric_interval_lower_bound": "2.5", "scaling_adjustment": 2},
                ],
            },
        },
        None, None,
        lambda aws, out: aws("application-autoscaling").describe_scaling_policies(
            ServiceNamespace="sagemaker", PolicyNames=[out["id"]]
        )["ScalingPolicies"],
    ),
    Case(
        "scheduled-action", "aws:appautoscaling/scheduledAction:ScheduledAction",
        lambda m: {
            **_scaled(m), "schedule": "cron(0 20 * * ? *)", "timezone": "Europe/Berlin",
            "start_time": "2030-01-01T00:00:00Z", "scalable_target_action": {"min_capacity": 1, "max_capacity": 1},
        },
        lambda m: {"schedule": "cron(0 21 * * ? *)"},
        lambda m: {"name": "fidelity-2"},
        lambda aws, out: aws("application-autoscaling").describe_scheduled_actions(
            ServiceNamespace="sagemaker", ScheduledActionNames=[out["name"]]
        )["ScheduledActions"],
    ),
    Case(
        "instance-job", "aws:sagemaker/trainingJob:TrainingJob",
        lambda m: {
            "training_job_name": "fidelity-instances-fault-slow", "role_arn": m["tuning-role"].arn,
            "algorithm_specification": {
                "training_image": f"{_REGISTRY}/pytorch:2.13-cu133-amzn2023-sagemaker", "training_input_mode": "File",
                "container_entrypoints": ["python3"], "container_arguments": ["/opt/ml/input/data/code/launch.py"],
                "metric_definitions": [{"name": "train_loss", "regex": "'loss': ([0-9.]+)"}],
            },
            "input_data_configs": [
                {
                    "channel_name": name, "input_mode": "File",
                    "data_source": {
                        "s3_data_source": {
                            "s3_data_type": "S3Prefix", "s3_uri": _uri(m["pairs.jsonl"]),
                            "s3_data_distribution_type": "FullyReplicated",
                        }
                    },
                }
                for name in ("code", "train")
            ],
            "output_data_config": {"s3_output_path": _uri(m["home-bucket"], "/x/output"), "compression_type": "NONE"},
            "checkpoint_config": {"s3_uri": _uri(m["home-bucket"], "/x/checkpoints")},
            "resource_config": {
                "instance_type": "ml.g6e.xlarge", "instance_count": 1, "volume_size_in_gb": 100,
            },
            "stopping_condition": {"max_runtime_in_seconds": 3600, "max_wait_time_in_seconds": 7200},
            "enable_managed_spot_training": True, "environment": {"A_B": "1"}, "hyper_parameters": {"x": "1"},
            "vpc_config": {"security_group_ids": ["sg-1"], "subnets": ["subnet-1", "subnet-2"]},
            "tags": {"team": "a"},
        },
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"training_job_name": "fidelity-instances-2-fault-slow"},
        lambda aws, out: found(
            aws("sagemaker").list_training_jobs()["TrainingJobSummaries"], TrainingJobName=out["id"]
        ),
    ),
)  # fmt: skip
