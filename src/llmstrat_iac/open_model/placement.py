"""Asks the catalogue's sizing for the instance types on which a spec's model can be trained or served.

A type that isn't known gives an empty choice: the plan says so, and what was meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType, find_instance, instances
from llmstrat_iac.catalog.sizing.contract import Choice, ServingNeed, TrainingNeed
from llmstrat_iac.catalog.sizing.serving import choose_serving
from llmstrat_iac.catalog.sizing.training import choose_training

if TYPE_CHECKING:
    from llmstrat_iac.open_model.contract import ResolvedServing, ResolvedTraining

AUTO = "auto"


def choose_for_training(training: ResolvedTraining) -> Choice:
    """The types on which the training fits, at the runtime's prices."""
    price = _price(training, "training", training.block.capacity)
    return choose_training(training_need(training), price=price, candidates=_candidates(training, "training"))


def choose_for_serving(serving: ResolvedServing) -> Choice:
    """The types on which the model fits, at the runtime's prices."""
    price = _price(serving, "serving", "on-demand")
    return choose_serving(serving_need(serving), price=price, candidates=_candidates(serving, "serving"))


def training_need(training: ResolvedTraining) -> TrainingNeed:
    """What sizing is asked for a training."""
    block, hyperparameters = training.block, training.block.hyperparameters
    named = hyperparameters.lora.target_modules
    pairs = block.objective == "preference"
    return TrainingNeed(
        architecture=training.model.known.architecture,
        method=block.method,
        max_length=hyperparameters.max_length,
        rank=hyperparameters.lora.rank,
        micro_batch_size=hyperparameters.micro_batch_size,
        reference_model=pairs and block.method == "full",
        pairs=pairs,
        batch_size=hyperparameters.batch_size,
        target_modules=() if isinstance(named, str) else tuple(named),
    )


def serving_need(serving: ResolvedServing) -> ServingNeed:
    """What sizing is asked for a fleet; a trained adapter is counted from the start, when none is served yet."""
    block, training = serving.block, serving.training
    ranks = [adapter.rank for adapter in block.adapters]
    if training is not None and training.makes_adapter:
        ranks.append(training.block.hyperparameters.lora.rank)
    return ServingNeed(
        architecture=serving.model.known.architecture,
        quantization=block.quantization,
        context=block.max_context,
        concurrency=block.concurrency,
        adapters=len(ranks),
        max_rank=max(ranks, default=0),
        tensor_parallel=None if block.tensor_parallel == "auto" else block.tensor_parallel,
    )


def _candidates(resolved: ResolvedTraining | ResolvedServing, use: str) -> tuple[InstanceType, ...]:
    name = resolved.block.instance
    if name == AUTO:
        return tuple(each for each in instances() if resolved.runtime.offers(each.name, use))
    known = find_instance(name)
    return () if known is None else (known,)


def _price(resolved: ResolvedTraining | ResolvedServing, use: str, capacity: str) -> Callable[[InstanceType], AwsPrice]:
    def price(instance: InstanceType) -> AwsPrice:
        return resolved.runtime.price(instance.name, resolved.region, use, capacity)

    return price
