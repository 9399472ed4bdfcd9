"""AWS's containers for training and serving, and the CUDA that each needs of its host. Data only.

Registries are the same for all of AWS's deep-learning containers; from `image_uri_config/vllm-server.json` and
`pytorch-amzn2023.json` of sagemaker-core 2.27.0 (2026-11), which has the same URIs for all 39 regions that are listed
or have the common registry; isolated and sovereign regions aren't.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

REGISTRY = "763104351884"
"""Of every region that isn't listed below."""
_REGISTRIES = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "me-west-1": "124382933778",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}


@dataclass(frozen=True)
class Image:
    """One of AWS's containers, as the SageMaker SDK and as ECR know it."""

    framework: str
    """The SDK's name."""
    version: str
    """Of the framework, as the SDK counts it."""
    scope: str
    repository: str
    tag: str


SERVING = Image("vllm-server", "2.4", "inference", "vllm", "server-sagemaker-cuda-v2.4")
"""vLLM 0.27.1. The first whose entry point hands several adapters on to vLLM: release notes of 2026-08-25 in
https://github.com/aws/deep-learning-containers"""
TRAINING = Image("pytorch-amzn2023", "2.13", "training", "pytorch", "2.13-cu133-amzn2023-sagemaker")
COPYING = Image("pytorch-amzn2023", "2.13", "training", "pytorch", "2.13-cpu-amzn2023-sagemaker")
"""Python and boto3 without a GPU: copies weights from the hub to S3."""

Cuda = tuple[int, int]
_SERVER_LINES: dict[str, Cuda] = {"1": (12, 9), "2": (13, 0)}
"""Of `server-cuda-vN`, `server-sagemaker-cuda-vN`:
https://aws.github.io/deep-learning-containers/vllm/ and its source, data/*.yml."""
_AMI_CUDA: dict[str, Cuda] = {
    "al2-ami-sagemaker-inference-gpu-2": (12, 2),
    "al2-ami-sagemaker-inference-gpu-2-1": (12, 2),
    "al2-ami-sagemaker-inference-gpu-3-1": (12, 4),
    "al2023-ami-sagemaker-inference-gpu-4-1": (13, 0),
}
"""SageMaker's API reference, ProductionVariant.InferenceAmiVersion, in botocore 1.43.106."""


def registry(region: str) -> str:
    """The account of AWS's containers in a region."""
    return _REGISTRIES.get(region, REGISTRY)


def image_uri(image: Image, region: str) -> str:
    """`registry/repository:tag` in the region's own ECR."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{registry(region)}.dkr.ecr.{region}.{suffix}/{image.repository}:{image.tag}"


def cuda_of(uri: str) -> Cuda | None:
    """The CUDA that a container was built for, as its tag says; None if it doesn't."""
    tag = uri.rpartition(":")[2]
    if found := re.search(r"(?:^|-)cu(\d\d)(\d)(?:-|$)", tag):
        return int(found[1]), int(found[2])
    if found := re.search(r"^server-(?:sagemaker-)?cuda-v(\d+)", tag):
        return _SERVER_LINES.get(found[1])
    return None


def host_cuda(ami: str) -> Cuda:
    """The CUDA that a host image's driver was made for."""
    return _AMI_CUDA[ami]
