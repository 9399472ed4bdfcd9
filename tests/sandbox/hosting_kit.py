"""What the tests of SageMaker's hosting share: a model on vLLM's image, an endpoint of it, waiting for one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sandbox_kit import Clients, eventually
from tuning_kit import role

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:server-sagemaker-cuda-v2.4"
AMI = "al2023-ami-sagemaker-inference-gpu-4-1"


def make_model(aws: Clients, **more: Any) -> str:
    """A model that is served as `tiny`; returns its name."""
    name = f"model-{uuid4().hex[:8]}"
    environment = {"SM_VLLM_MODEL": "org/tiny", "SM_VLLM_SERVED_MODEL_NAME": "tiny", "SM_VLLM_MAX_MODEL_LEN": "2048"}
    asked = {
        "ModelName": name,
        "ExecutionRoleArn": role(aws, "sagemaker.amazonaws.com"),
        "PrimaryContainer": {"Image": IMAGE, "Environment": environment},
        **more,
    }
    aws("sagemaker").create_model(**asked)
    return str(asked["ModelName"])


def make_config(aws: Clients, variant: dict[str, Any] | None = None, **more: Any) -> str:
    """A configuration of one variant over a new model; `variant` replaces some of it. Returns its name."""
    name = f"config-{uuid4().hex[:8]}"
    settings = {
        "VariantName": "AllTraffic", "InstanceType": "ml.g6e.xlarge", "InitialInstanceCount": 1,
        "InferenceAmiVersion": AMI, **(variant or {}),
    }  # fmt: skip
    if "ModelName" not in settings and "ExecutionRoleArn" not in more:
        settings["ModelName"] = make_model(aws)
    aws("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[settings], **more)
    return name


def make_endpoint(aws: Clients, config: str, name: str = "") -> str:
    """An endpoint, just begun; returns its name."""
    name = name or f"endpoint-{uuid4().hex[:8]}"
    aws("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config)
    return name


def settled(aws: Clients, name: str) -> dict[str, Any]:
    """An endpoint once it is in service or has failed."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("sagemaker").describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] in ("InService", "Failed") else None

    found: dict[str, Any] = eventually(look)
    return found
