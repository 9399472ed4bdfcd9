"""Machine images and containers of the ec2 runtime. Light: the plan reads it, too."""

from __future__ import annotations

AMI_PARAMETER = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
"""AWS's newest deep-learning AMI: NVIDIA driver 595, Docker with GPUs, NVMe at `/opt/dlami/nvme`.

https://docs.aws.amazon.com/dlami/latest/devguide/aws-deep-learning-x86-base-gpu-ami-ubuntu-24-04.html
"""
AMI_CUDA = (13, 2)
"""What its driver, 595, was made for."""
PUBLIC_IMAGES = "public.ecr.aws/deep-learning-containers"
TRAINING_IMAGE = f"{PUBLIC_IMAGES}/pytorch:2.13-cu133-amzn2023"
SERVING_IMAGE = "vllm:server-cuda-v2.4"
"""vLLM 0.27.1 on CUDA 13, port 8000: release notes of 2026-08-25 in github.com/aws/deep-learning-containers."""


def is_private(image: str) -> bool:
    """Whether it is in a private ECR, which is reached without the internet and asks for a role."""
    return ".dkr.ecr." in image.partition("/")[0]
