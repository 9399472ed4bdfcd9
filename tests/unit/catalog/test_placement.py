"""What placement asks sizing for: the needs of a spec's blocks, the types that it names, the runtime's prices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sizes import LLAMA_8B

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.open_models import find_model
from llmstrat_iac.open_model.contract import ResolvedModel, ResolvedServing, ResolvedTraining
from llmstrat_iac.open_model.placement import serving_need, training_need
from llmstrat_iac.open_model.runtime import Runtime
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.spec.open_model import ModelBlock
from llmstrat_iac.spec.serving import ServingBlock
from llmstrat_iac.spec.training import TrainingBlock
from llmstrat_iac.tuning.source import DatasetSource

DATASET = {"train": "s3://my-bucket/train.jsonl"}
ADAPTER = {"alias": "legal", "source": "s3://my-bucket/legal/", "rank": 64}


class PriceList:
    """A runtime's prices that notes what it was asked."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str, str]] = set()

    def __call__(self, instance: str, region: str, use: str, capacity: str) -> AwsPrice:
        self.asked.add((region, use, capacity))
        return AwsPrice("hour", float(len(instance)), "a test", "2026-01-01")


def runtime(prices: PriceList) -> Runtime:
    return replace(create_registry().runtimes["ec2"], price=prices)


def model() -> ResolvedModel:
    known = find_model(LLAMA_8B)
    assert known is not None
    return ResolvedModel(ModelBlock(alias="support", id=LLAMA_8B, revision="0" * 40), known)


def trained(prices: PriceList, **changes: Any) -> ResolvedTraining:
    block = TrainingBlock.model_validate({"method": "qlora", "dataset": DATASET, "runtime": "ec2"} | changes)
    source = DatasetSource.__new__(DatasetSource)
    return ResolvedTraining(block, model(), runtime(prices), None, "support-dev", "eu-west-1", source, None)


def served(prices: PriceList, training: ResolvedTraining | None = None, **changes: Any) -> ResolvedServing:
    block = ServingBlock.model_validate({"runtime": "ec2"} | changes)
    return ResolvedServing(block, model(), runtime(prices), None, "support-dev", "eu-west-1", training)


def test_prices_are_asked_of_the_runtime_for_region_use_and_capacity() -> None:
    prices = PriceList()
    assert trained(prices, capacity="spot").choice.best is not None
    assert served(prices).choice.best is not None
    assert prices.asked == {("eu-west-1", "training", "spot"), ("eu-west-1", "serving", "on-demand")}


@pytest.mark.parametrize("name", ["g6e.xlarge", "ml.g6e.xlarge"])
def test_a_named_type_is_the_only_one_looked_at(name: str) -> None:
    choice = served(PriceList(), instance=name).choice
    assert [fit.instance.name for fit in choice.fits] == ["g6e.xlarge"]
    assert choice.rejected == ()


def test_an_unknown_type_is_no_choice_rather_than_an_error() -> None:
    choice = served(PriceList(), instance="g9.huge").choice
    assert (choice.best, choice.rejected) == (None, ())


def test_adapters_and_the_trained_one_have_slots_of_the_largest_rank() -> None:
    prices = PriceList()
    training = trained(prices, hyperparameters={"lora": {"rank": 128}})
    assert serving_need(served(prices)).adapters == 0
    need = serving_need(served(prices, training, adapters=[ADAPTER]))
    assert (need.adapters, need.max_rank) == (2, 128)
    full = trained(prices, method="full")
    assert serving_need(served(prices, full, adapters=[ADAPTER])).max_rank == 64


def test_a_stated_parallel_size_is_passed_on() -> None:
    assert serving_need(served(PriceList())).tensor_parallel is None
    assert serving_need(served(PriceList(), tensor_parallel=2)).tensor_parallel == 2


def test_preferences_come_in_pairs_and_with_a_reference_for_all_weights() -> None:
    prices = PriceList()
    assert not training_need(trained(prices)).pairs
    adapter = training_need(trained(prices, objective="preference"))
    whole = training_need(trained(prices, objective="preference", method="full"))
    assert (adapter.pairs, adapter.reference_model) == (True, False)
    assert (whole.pairs, whole.reference_model) == (True, True)


def test_hyperparameters_reach_sizing() -> None:
    values = {"batch_size": 32, "micro_batch_size": 2, "max_length": 1024, "lora": {"target_modules": ["q_proj"]}}
    need = training_need(trained(PriceList(), hyperparameters=values))
    assert (need.batch_size, need.micro_batch_size, need.max_length) == (32, 2, 1024)
    assert need.target_modules == ("q_proj",)
