"""Asks the SageMaker SDK, where it is installed, for the URI of a container; the toolkit's own table says the same.

The SDK (`pip install llmstrat-iac[sagemaker]`) is large: it is imported here and nowhere else. Newer ones know regions
that the table doesn't, and say which of them lack a container.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from llmstrat_iac.catalog.sagemaker_images import Image, image_uri
from llmstrat_iac.errors import LlmstratError

Retrieve = Callable[..., str]
_INSTANCES = {"gpu": "ml.g5.xlarge", "cpu": "ml.m5.xlarge"}


def resolve(image: Image, region: str, retrieve: Retrieve | None = None) -> str:
    """The container's URI in a region, by the SDK's `retrieve` if there is one.

    LlmstratError if the SDK says that the region hasn't got it.
    """
    retrieve = retrieve or _installed()
    if retrieve is None:
        return image_uri(image, region)
    try:
        return retrieve(
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


def _installed() -> Retrieve | None:
    if find_spec("sagemaker") is None or find_spec("sagemaker.core") is None:
        return None
    retrieve: Retrieve = import_module("sagemaker.core.image_uris").retrieve
    return retrieve
