"""What a spec's serving means on SageMaker: what `plan` says and the program does. Imports neither pulumi nor boto3."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.sagemaker_images import cuda_of, host_cuda
from llmstrat_iac.open_model.contract import ResolvedServing
from llmstrat_iac.plan import Finding, Severity


def instance_name(name: str) -> str:
    """EC2's name of an instance type to SageMaker's."""
    return name if name.startswith("ml.") else f"ml.{name}"


def scales(serving: ResolvedServing) -> bool:
    """Whether the number of instances follows the load or the clock."""
    replicas = serving.block.replicas
    return serving.options.scale_to_zero or replicas.max > replicas.min


def copies_from_hub(serving: ResolvedServing) -> bool:
    """Whether anything that is served comes from the hub, and is copied to S3 first."""
    sources = [serving.model.block.id, *(adapter.source for adapter in serving.block.adapters)]
    return any(not source.startswith("s3://") for source in sources)


def concurrency_target(serving: ResolvedServing) -> float:
    """Requests that a replica may have at once: those that it is sized for, and those that may wait."""
    return serving.block.concurrency + serving.block.scaling.waiting_requests


def check_cuda(image: str, ami: str) -> Iterator[Finding]:
    host, needed = host_cuda(ami), cuda_of(image)
    path = "serving.options.inference_ami"
    if needed is None:
        yield Finding(
            "sagemaker.cuda",
            Severity.WARNING,
            path,
            f"the tag of `{image}` doesn't say which CUDA it needs; `{ami}` has {host[0]}.{host[1]}",
            reason="an endpoint whose host's driver is too old stays in Creating, without a log",
            remedy="check the image, and set `inference_ami` accordingly",
        )
    elif needed[0] > host[0]:
        yield Finding(
            "sagemaker.cuda",
            Severity.ERROR,
            path,
            f"`{image}` needs CUDA {needed[0]}.{needed[1]}, `{ami}` has {host[0]}.{host[1]}",
            reason="the endpoint would stay in Creating, without a log",
            remedy="set `inference_ami: al2023-ami-sagemaker-inference-gpu-4-1` (CUDA 13.0), or use an older image",
        )
