"""Shapes, prices and needs that the tests of sizing share."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.gpu_prices import ec2_price
from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.catalog.open_models import find_model
from llmstrat_iac.catalog.sizing.contract import ServingNeed, TrainingNeed

LLAMA_2_7B = "meta-llama/Llama-2-7b-hf"
LLAMA_8B = "meta-llama/Llama-3.1-8B-Instruct"
LLAMA_70B = "meta-llama/Llama-3.3-70B-Instruct"
MIXTRAL = "mistralai/Mixtral-8x7B-Instruct-v0.1"


def shape(hub_id: str) -> Architecture:
    model = find_model(hub_id)
    assert model is not None, hub_id
    return model.architecture


def instance(name: str) -> InstanceType:
    known = find_instance(name)
    assert known is not None, name
    return known


def price(each: InstanceType) -> AwsPrice:
    return ec2_price(each.name, "us-east-1")


def to_serve(hub_id: str = LLAMA_8B, quantization: str = "none", **changes: Any) -> ServingNeed:
    values = {"context": 8192, "concurrency": 8} | changes
    return ServingNeed(shape(hub_id), quantization, **values)


def to_train(hub_id: str = LLAMA_8B, method: str = "qlora", **changes: Any) -> TrainingNeed:
    values = {"max_length": 2048, "rank": 16} | changes
    return TrainingNeed(shape(hub_id), method, **values)
