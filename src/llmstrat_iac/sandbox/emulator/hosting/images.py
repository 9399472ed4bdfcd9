"""Whether a container can start on the host image of its variant: the driver must know the container's CUDA.

Drivers and CUDA versions of the AMIs are from the API's own documentation (botocore's model, InferenceAmiVersion). On
AWS a container that is too new never answers its health check, and the endpoint fails without a line of log.
"""

from __future__ import annotations

import re

_DEFAULT = "al2-ami-sagemaker-inference-gpu-2"
_CUDA_OF_AMI = {
    _DEFAULT: 12,
    "al2-ami-sagemaker-inference-gpu-2-1": 12,
    "al2-ami-sagemaker-inference-gpu-3-1": 12,
    "al2023-ami-sagemaker-inference-gpu-4-1": 13,
}
_TAGGED = re.compile(r"cu(\d{2})\d")
# The vLLM images `server-sagemaker-cuda` don't say it: line 1 is built for CUDA 12, line 2 for CUDA 13.
_SERVER_LINE = re.compile(r"/vllm:server-(?:sagemaker-)?cuda(?:-v(\d+))?")


def cuda_of_image(image: str) -> int | None:
    """The CUDA major version that an image's tag tells, if any."""
    tagged = _TAGGED.search(image.rpartition(":")[2])
    if tagged:
        return int(tagged.group(1))
    line = _SERVER_LINE.search(image)
    return (12 if line.group(1) == "1" else 13) if line else None


def image_problem(image: str, ami: str | None, variant: str) -> str | None:
    """The failure reason of an endpoint whose host can't run the image, or None."""
    wanted, offered = cuda_of_image(image), _CUDA_OF_AMI.get(ami or _DEFAULT)
    if wanted is None or offered is None or wanted <= offered:
        return None
    return f"{unhealthy(variant)} (Sandbox: the image wants CUDA {wanted}, {ami or _DEFAULT} has {offered}.)"


def unhealthy(variant: str) -> str:
    """SageMaker's words for a container that doesn't answer."""
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
