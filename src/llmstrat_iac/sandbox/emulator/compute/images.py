"""Machine images: AWS's deep-learning ones and the SSM parameters that name them."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any

from ministack.core.responses import get_region

# https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html; paths as AWS publishes them
PARAMETER = re.compile(r"/aws/service/deeplearning/ami/(x86_64|arm64)/([a-z0-9.-]+)/latest/ami-id")
_OWNER = "898082745236"
_BASES = ("ubuntu-24.04", "ubuntu-22.04", "amazon-linux-2023")
_NAMES = tuple(f"base-oss-nvidia-driver-gpu-{base}" for base in _BASES) + tuple(
    f"oss-nvidia-driver-gpu-pytorch-{version}-{base}"
    for version in ("2.7", "2.8", "2.9")
    for base in ("ubuntu-22.04", "amazon-linux-2023")
)
_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
_ROOT_GIB = 75
_OTHER_ROOT_GIB = 8

Stub = tuple[str, str, str, str, str, str, str]


def image_id(architecture: str, name: str) -> str:
    """The id of a deep-learning image; the same in every region, unlike AWS's."""
    return f"ami-{hashlib.sha256(f'{architecture}/{name}'.encode()).hexdigest()[:17]}"


def parameter_value(path: str) -> str | None:
    """The image that a public parameter names; None if there is no such parameter."""
    found = PARAMETER.fullmatch(path)
    if found is None or found.group(2) not in _NAMES:
        return None
    return image_id(*found.groups())


def parameter(name: str, value: str) -> dict[str, Any]:
    """A public parameter as upstream keeps its own: no account in the ARN."""
    arn = f"arn:aws:ssm:{get_region()}::parameter{name}"
    return {"Name": name, "Type": "String", "Value": value, "Version": 1, "LastModifiedDate": 1790640000, "ARN": arn}


@lru_cache(maxsize=1)
def stubs() -> tuple[Stub, ...]:
    """The deep-learning images in the form in which upstream keeps its own."""
    return tuple(
        (image_id(architecture, name), f"Deep Learning {name} ({architecture}) 20260929", "Deep Learning AMI", "",
         _device(name), _OWNER, "amazon")
        for architecture in ("x86_64", "arm64")
        for name in _NAMES
    )  # fmt: skip


def root_device(image: str) -> str:
    """The root device of an image; Amazon Linux's for one that isn't known."""
    return next((stub[4] for stub in stubs() if stub[0] == image), "/dev/xvda")


def root_gib(image: str) -> int:
    """The size of an image's root volume."""
    return _ROOT_GIB if any(stub[0] == image for stub in stubs()) else _OTHER_ROOT_GIB


def well_formed(image: str) -> bool:
    """Whether an id can be an image's."""
    return _ID.fullmatch(image) is not None


def _device(name: str) -> str:
    return "/dev/xvda" if "amazon-linux" in name else "/dev/sda1"
