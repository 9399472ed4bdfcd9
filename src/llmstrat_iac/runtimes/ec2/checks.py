"""What can't work on EC2, or can't be known to, before anything is created. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.sagemaker_images import cuda_of
from llmstrat_iac.catalog.sizing.contract import Fit
from llmstrat_iac.components.ec2.images import AMI_CUDA, is_private
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.runtimes.ec2.options import ServingOptions

_BLACKWELL = 10.0
_BLACKWELL_CUDA = (12, 8)
"""CUDA that first compiled for compute capability 10.0 and 12.0 (NVIDIA CUDA 12.8 release notes)."""


def check_training(training: ResolvedTraining) -> Iterator[Finding]:
    """The container's CUDA."""
    yield from _check_cuda("training", training.options.image, training.options.ami, training.choice.best)


def check_serving(serving: ResolvedServing) -> Iterator[Finding]:
    """The container's CUDA, what the network reaches, and what the engine can stream from S3."""
    options = serving.options
    if options.image is not None:
        yield from _check_cuda("serving", options.image, options.ami, serving.choice.best)
    yield from _check_egress(serving)
    yield from _check_streamed(serving)


def _check_cuda(part: str, image: str, ami: str | None, best: Fit | None) -> Iterator[Finding]:
    """A driver runs containers of its own CUDA generation and of older ones."""
    needed, path = cuda_of(image), f"{part}.options.image"
    if needed is None:
        yield Finding(
            "ec2.cuda",
            Severity.WARNING,
            path,
            f"the tag of `{image}` doesn't say which CUDA it needs; AWS's machine image has {_shown(AMI_CUDA)}",
            reason="a container whose CUDA is newer than the instance's driver doesn't see the GPUs",
            remedy="use a tag with its CUDA in it, such as `-cu130-`, or look it up",
        )
    elif ami is None and needed[0] > AMI_CUDA[0]:
        yield Finding(
            "ec2.cuda",
            Severity.ERROR,
            path,
            f"`{image}` needs CUDA {_shown(needed)}, and AWS's machine image has {_shown(AMI_CUDA)}",
            reason="the container wouldn't see the GPUs",
            remedy=f"use an image for CUDA {AMI_CUDA[0]} or older, or a newer machine image as `{part}.options.ami`",
        )
    elif best is not None and best.instance.compute_capability >= _BLACKWELL and needed < _BLACKWELL_CUDA:
        yield Finding(
            "ec2.cuda",
            Severity.ERROR,
            path,
            f"`{image}` has CUDA {_shown(needed)}, and {best.instance.name}'s {best.instance.accelerator} needs "
            f"{_shown(_BLACKWELL_CUDA)} or newer",
            reason="older ones have no code for this GPU",
            remedy=f"use an image for CUDA {_shown(_BLACKWELL_CUDA)} or newer, or another `{part}.instance`",
        )


def _check_streamed(serving: ResolvedServing) -> Iterator[Finding]:
    """vLLM has one way to load 4-bit weights on load and another to read S3, and takes one of them (vllm 0.27.1,
    engine/arg_utils.py, `create_load_config`)."""
    training = serving.training
    makes_weights = training is not None and not training.makes_adapter
    if serving.block.quantization == "bitsandbytes" and (serving.model.block.in_s3 or makes_weights):
        yield Finding(
            "bitsandbytes-from-s3",
            Severity.ERROR,
            "serving.quantization",
            "vLLM can't quantize by bitsandbytes what it reads from S3",
            reason="it would look for the weights on the instance's disk, where there are none",
            remedy="set `quantization: fp8`, name the weights on the hub, or use `runtime: sagemaker`",
        )


def _check_egress(serving: ResolvedServing) -> Iterator[Finding]:
    options: ServingOptions = serving.options
    if options.egress != "none":
        return
    block = serving.block
    sources = {"model.id": serving.model.block.id} | {
        f"serving.adapters[{number}].source": adapter.source for number, adapter in enumerate(block.adapters)
    }
    for path, source in sources.items():
        if not source.startswith("s3://"):
            yield Finding(
                "egress-none",
                Severity.ERROR,
                path,
                f"`{source}` is on the hub, which can't be reached with `egress: none`",
                reason="without a NAT gateway the instances reach AWS's endpoints only",
                remedy="copy the weights to S3, or set `serving.options.egress: nat`",
            )
    if options.image is not None and not is_private(options.image):
        yield Finding(
            "egress-none",
            Severity.ERROR,
            "serving.options.image",
            f"`{options.image}` isn't in a private ECR, and can't be reached with `egress: none`",
            reason="public registries are on the internet",
            remedy="push it to ECR in this region, or leave it out: AWS has the default image there",
        )


def _shown(cuda: tuple[int, int]) -> str:
    return f"{cuda[0]}.{cuda[1]}"
