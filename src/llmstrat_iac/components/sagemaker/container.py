"""vLLM in AWS's SageMaker container: where its weights lie, and its arguments as the container takes them.

The container answers `/ping` and `/invocations` on port 8080. An argument `--max-model-len 8192` is the variable
`SM_VLLM_MAX_MODEL_LEN`: https://aws.github.io/deep-learning-containers/vllm/configuration/
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from llmstrat_iac.open_model import ResolvedServing, Weights
from llmstrat_iac.open_model.vllm import server_arguments

PORT = 8080
MODEL_FOLDER = "/opt/ml/model"
"""Where SageMaker puts a model's data source."""
ADAPTERS_FOLDER = "/opt/ml/additional-model-data-sources"
"""Where it puts each further one, in a folder of its channel's name."""
_OFFLINE = {
    # There is no network: without these vLLM and the hub's client would wait for answers that don't come.
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    # /tmp is on the instance's large volume, the container's own file system isn't.
    "HF_HOME": "/tmp/huggingface",  # noqa: S108 - the container has one user
    "VLLM_CACHE_ROOT": "/tmp/vllm",  # noqa: S108
}


def environment(serving: ResolvedServing, weights: Weights) -> dict[str, str]:
    """The container's environment; anybody who may describe the model sees it, so nothing in it is secret."""
    paths = {name: f"{ADAPTERS_FOLDER}/{channel}" for name, channel in channels(weights).items()}
    arguments = server_arguments(serving, weights, model_path=MODEL_FOLDER, adapter_paths=paths, port=PORT)
    return {**_OFFLINE, **variables(arguments)}


def channels(weights: Weights) -> dict[str, str]:
    """Each adapter's served name to the name of its data source, which takes fewer characters."""
    return {adapter.served_name: f"adapter-{number}" for number, adapter in enumerate(weights.adapters, 1)}


def variables(arguments: Sequence[str]) -> Mapping[str, str]:
    """Arguments as `SM_VLLM_…`: `true` is a bare flag, several values are a JSON array. The port is the container's.

    The entry point makes one argument of each element (aws/deep-learning-containers scripts/docker/vllm/
    sagemaker_args.py); before v2.4 it handed the array on as one, which `--lora-modules` doesn't take.
    """
    values: dict[str, list[str]] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("--"):
            name = "SM_VLLM_" + argument[2:].replace("-", "_").upper()
            values[name] = []
        else:
            values[name].append(argument)
    values.pop("SM_VLLM_PORT", None)
    return {name: _value(given) for name, given in values.items()}


def _value(given: Sequence[str]) -> str:
    if not given:
        return "true"
    return given[0] if len(given) == 1 else json.dumps([_element(each) for each in given])


def _element(text: str) -> object:
    """The container writes an object in an array as JSON again."""
    return json.loads(text) if text.startswith("{") else text
