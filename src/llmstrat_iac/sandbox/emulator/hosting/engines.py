"""The servers behind endpoints: one stand-in for each container, with the arguments that its image would make.

Started when the endpoint (or component) is made, so that it loads while SageMaker says `Creating`; ended with it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.hosting.store import HOSTING, Component, Endpoint
from llmstrat_iac.sandbox.fleet.process import EngineProcess

_POLL_SECONDS = 0.05
_MODEL_FOLDER = "/opt/ml/model"


class Engines:
    """Running servers: of each endpoint those of its variants, of each component its own."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[tuple[str, ...], EngineProcess]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def keep(self, owner: Endpoint | Component, container: Mapping[str, Any]) -> EngineProcess:
        """The server of a container, started if it doesn't run, anew if its arguments have changed."""
        arguments = tuple(vllm_arguments(container))
        running = self._running.get(owner.arn)
        if running is not None and running[0] == arguments:
            return running[1]
        self.end(owner.arn)
        engine = EngineProcess(owner.arn.rpartition(":")[2].replace("/", "-"), arguments)
        engine.start()
        self._running[owner.arn] = (arguments, engine)
        return engine

    def end(self, arn: str) -> None:
        """End a server, if it runs."""
        running = self._running.pop(arn, None)
        if running is not None:
            task = asyncio.get_running_loop().create_task(running[1].stop())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


async def port_when_ready(engine: EngineProcess) -> int:
    """The port of a server once it has loaded its model; whoever waits sets the limit."""
    while not await engine.healthy("/ping"):
        await asyncio.sleep(_POLL_SECONDS)
    assert engine.port is not None
    return engine.port


def container_of(asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The container of a variant or of a component's specification; None if its model has been deleted."""
    if asked.get("ModelName"):
        model = HOSTING.models.get(asked["ModelName"])
        if model is None:
            return None
        containers = model.asked.get("Containers") or [model.asked.get("PrimaryContainer") or {}]
        return dict(containers[0])
    return dict(asked.get("Container") or {})


def vllm_arguments(container: Mapping[str, Any]) -> list[str]:
    """The command line that vLLM's image for SageMaker makes of a container's variables.

    `SM_VLLM_NAME=value` is `--name value`, `true` a bare flag and `false` none, a JSON array one value for each
    element; the model is `SM_VLLM_MODEL`, else the mounted data, else `HF_MODEL_ID` (aws/deep-learning-containers,
    docs/vllm/configuration.md and scripts/docker/vllm/sagemaker_args.py, as in the images from v2.4 on).
    """
    environment: Mapping[str, str] = container.get("Environment") or {}
    arguments: list[str] = []
    for name, value in environment.items():
        if name.startswith("SM_VLLM_") and value.lower() != "false":
            flag = f"--{name.removeprefix('SM_VLLM_').lower().replace('_', '-')}"
            arguments += [flag] if value.lower() == "true" else [flag, *_values(value)]
    if "SM_VLLM_MODEL" not in environment:
        mounted = container.get("ModelDataSource") or container.get("ModelDataUrl")
        arguments += ["--model", _MODEL_FOLDER if mounted else environment.get("HF_MODEL_ID") or _MODEL_FOLDER]
    return arguments


def _values(value: str) -> list[str]:
    try:
        elements = json.loads(value)
    except ValueError:
        return [value]
    if not isinstance(elements, list):
        return [value]
    return [json.dumps(each) if isinstance(each, dict | list) else str(each) for each in elements]


def start_endpoint(endpoint: Endpoint) -> None:
    """Start what a new endpoint serves, unless it can't run or has no model of its own."""
    variant = endpoint.variants[0]
    container = container_of(variant.asked) if variant.asked.get("ModelName") else None
    if container is not None and variant.instances > 0 and endpoint.course.complaint is None:
        ENGINES.keep(endpoint, container)


ENGINES = Engines()
