"""Resolves the `model:`, `training:` and `serving:` blocks: what is known of the model, runtimes, their options.

Reads no dataset. Problems come with their path, like the loader's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from llmstrat_iac.catalog.instances import instances
from llmstrat_iac.catalog.open_models import OpenModel, describe, find_model, open_models
from llmstrat_iac.open_model import ResolvedModel, ResolvedOpenModel, ResolvedServing, ResolvedTraining, Runtime
from llmstrat_iac.planner.tuning import dataset_source, validate_options
from llmstrat_iac.plugins import Registry
from llmstrat_iac.spec.common import StrategySpec
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.open_model import ArchitectureBlock, ModelBlock
from llmstrat_iac.spec.pretraining import ClusterBlock
from llmstrat_iac.spec.problems import Problem
from llmstrat_iac.spec.serving import ServingBlock
from llmstrat_iac.spec.training import TrainingBlock

Use = Literal["training", "serving", "cluster"]
_Block = TypeVar("_Block", TrainingBlock, ServingBlock, ClusterBlock)
_VERBS: dict[Use, str] = {"training": "train", "serving": "serve", "cluster": "run clusters"}


@dataclass(frozen=True)
class RuntimeParts:
    """The runtime of one block, its validated options, and EC2's name of the instance type or `auto`."""

    runtime: Runtime
    options: BaseModel
    instance: str


@dataclass(frozen=True)
class OpenModelParts:
    """What the catalogue and the runtimes made of the blocks."""

    model: OpenModel
    training: RuntimeParts | None
    serving: RuntimeParts | None


def resolve_open_model(data: Mapping[str, Any], registry: Registry, problems: list[Problem]) -> OpenModelParts | None:
    """Find the model and the runtimes; None if a block is missing or wrong."""
    before = len(problems)
    model = _resolve_model(data.get("model"), problems)
    training = resolve_runtime(data.get("training"), "training", registry, problems)
    serving = resolve_runtime(data.get("serving"), "serving", registry, problems)
    if model is None or len(problems) > before:
        return None
    return OpenModelParts(model, training, serving)


def assemble_open_model(parts: OpenModelParts, spec: StrategySpec, source: str) -> ResolvedOpenModel:
    """Put the resolved parts of a valid spec together; local paths are relative to the spec's folder."""
    block: ModelBlock = spec.model  # type: ignore[attr-defined]
    model = ResolvedModel(block, parts.model)
    stack = f"{spec.name}-{spec.environment}"
    training = _assemble_training(parts.training, spec, model, stack, Path(source).parent)
    serving = None
    if parts.serving is not None:
        serving = ResolvedServing(
            block=with_instance(spec.serving, parts.serving),  # type: ignore[attr-defined]
            model=model,
            runtime=parts.serving.runtime,
            options=parts.serving.options,
            stack_name=stack,
            region=spec.region,
            training=training,
            expires=spec.limits.ttl.duration is not None,
        )
    return ResolvedOpenModel(model, training, serving)


def _assemble_training(
    parts: RuntimeParts | None, spec: StrategySpec, model: ResolvedModel, stack: str, folder: Path
) -> ResolvedTraining | None:
    if parts is None:
        return None
    block: TrainingBlock = with_instance(spec.training, parts)  # type: ignore[attr-defined]
    validation = block.dataset.validation
    return ResolvedTraining(
        block=block,
        model=model,
        runtime=parts.runtime,
        options=parts.options,
        stack_name=stack,
        region=spec.region,
        train=dataset_source(block.dataset.train, folder),
        validation=dataset_source(validation, folder) if validation else None,
        expires=spec.limits.ttl.duration is not None,
    )


def with_instance(block: _Block, parts: RuntimeParts) -> _Block:
    """The block with EC2's name of its instance type, whatever name the spec gives it."""
    return block if block.instance == parts.instance else block.model_copy(update={"instance": parts.instance})


def _resolve_model(value: object, problems: list[Problem]) -> OpenModel | None:
    try:
        block = ModelBlock.model_validate(value)
    except ValidationError:
        return None  # the spec's model reports what is missing or misshapen
    if block.base is not None and find_model(block.base) is None:
        near = suggest(block.base, (model.id for model in open_models()))
        problems.append(Problem(("model", "base"), f"nothing is known of the model `{block.base}`", near))
        return None
    known = describe(block)
    if known is None:
        problems.append(_unknown(block))
        return None
    problems += [*_said_twice(block), *_disagreements(block.architecture)]
    if known is find_model(block.id):
        return known
    # A copy has its original's shape and licence, but another door.
    return replace(known, id=block.id, gated=False if block.in_s3 else None)


def _said_twice(block: ModelBlock) -> Iterator[Problem]:
    """What would be ignored, or would make a known model another one."""
    own, base = find_model(block.id), find_model(block.base) if block.base else None
    if own is not None and base is not None and base is not own:
        message = f"`{block.id}` is known itself, and isn't `{block.base}`"
        yield Problem(("model", "base"), message, "remove it: `base` is for copies and for weights that aren't known")
    elif block.architecture is not None and (known := own or base) is not None:
        message = f"would be ignored: the shape of `{known.id}` is known"
        yield Problem(("model", "architecture"), message, "remove it, or remove `base` if the shape is another")


def _disagreements(shape: ArchitectureBlock | None) -> Iterator[Problem]:
    """Numbers that no model can have together: somebody has mistyped one."""
    if shape is None:
        return
    heads, place, remedy = shape.attention_heads, ("model", "architecture"), "copy the numbers of `config.json`"
    if shape.head_dim is None and shape.hidden_size % heads:
        message = f"{heads} heads can't share a hidden size of {shape.hidden_size} evenly"
        yield Problem((*place, "attention_heads"), message, f"{remedy}, and `head_dim` if it is there")
    if shape.kv_heads is not None and heads % shape.kv_heads:
        message = f"{heads} query heads can't share {shape.kv_heads} key and value heads evenly"
        yield Problem((*place, "kv_heads"), message, remedy)
    if shape.experts is not None and shape.experts_per_token is not None and shape.experts_per_token > shape.experts:
        message = f"a token can't pass through {shape.experts_per_token} of {shape.experts} experts"
        yield Problem((*place, "experts_per_token"), message, remedy)


def _unknown(block: ModelBlock) -> Problem:
    shape = "say whose shape it has (`base: meta-llama/Llama-3.1-8B`), or describe it under `architecture:`"
    if block.in_s3:
        return Problem(("model", "id"), "nothing is known of weights in S3", shape)
    near = suggest(block.id, (model.id for model in open_models()))
    remedy = f"{near} Or {shape}" if near.startswith("did you mean") else shape
    return Problem(("model", "id"), f"nothing is known of the model `{block.id}`", remedy)


def resolve_runtime(block: object, use: Use, registry: Registry, problems: list[Problem]) -> RuntimeParts | None:
    """The runtime, options and instance type of one block; None if it is missing or wrong."""
    name = block.get("runtime") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(name, str):
        return None  # the spec's model reports it
    able = {key: runtime for key, runtime in registry.runtimes.items() if _options_model(runtime, use) is not None}
    runtime = registry.runtimes.get(name)
    model = _options_model(runtime, use) if runtime else None
    if runtime is None or model is None:
        message = f"there is no runtime `{name}`" if runtime is None else f"{runtime.title} doesn't {_VERBS[use]}"
        problems.append(Problem((use, "runtime"), message, suggest(name, able)))
        return None
    instance = _find_instance(block.get("instance", "auto"), use, runtime, problems)
    options = validate_options(model, block.get("options", {}), (use, "options"), problems)
    return RuntimeParts(runtime, options, instance) if options is not None and instance is not None else None


def _options_model(runtime: Runtime, use: Use) -> type[BaseModel] | None:
    models = {
        "training": runtime.training_options,
        "serving": runtime.serving_options,
        "cluster": runtime.cluster_options,
    }
    return models[use]


def _find_instance(written: object, use: Use, runtime: Runtime, problems: list[Problem]) -> str | None:
    """EC2's name of what the spec names by EC2's or by the runtime's own name."""
    if written == "auto" or not isinstance(written, str):
        return "auto"
    names = {name: each.name for each in instances() for name in (each.name, runtime.instance_name(each.name))}
    if written in names:
        return names[written]
    near = suggest(written, names)
    remedy = near if near.startswith("did you mean") else "`llmstrat gpus` lists them"
    message = f"there is no instance type `{written}` among those with GPUs"
    problems.append(Problem((use, "instance"), message, remedy))
    return None
