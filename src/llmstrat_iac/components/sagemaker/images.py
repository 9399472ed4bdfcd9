"""Asks the SageMaker SDK, where it is installed, for the URI of a container; the toolkit's own table knows the same.

The SDK (`pip install llmstrat-iac[sagemaker]`) is large, so it is imported here and nowhere else. It can know regions
and registries that the table doesn't; a test holds both against each other.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.runtimes.sagemaker.images import Image, image_uri

_SDK = "sagemaker.core.image_uris"
_INSTANCES = {"gpu": "ml.g5.xlarge", "cpu": "ml.m5.xlarge"}


def resolve(image: Image, region: str) -> str:
    """The container's URI in a region. LlmstratError if the SDK says that the region hasn't got it."""
    return sdk_uri(image, region) or image_uri(image, region)


def sdk_uri(image: Image, region: str) -> str | None:
    """What the SDK says; None if it isn't installed."""
    if find_spec("sagemaker") is None or find_spec("sagemaker.core") is None:
        return None
    try:
        uri = import_module(_SDK).retrieve(
            framework=image.framework,
            region=region,
            version=image.version,
            image_scope=image.scope,
            instance_type=_INSTANCES["cpu" if "-cpu" in image.tag else "gpu"],
        )
    except ValueError as error:
        raise LlmstratError(
            f"region: `{region}` has no container {image.framework} {image.version} ({error})",
            remedy="use another region, or name your own `options.image`",
        ) from error
    return str(uri)
