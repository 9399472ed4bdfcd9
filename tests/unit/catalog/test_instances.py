"""The catalogue of GPU instances and their prices: dated, sourced, and unknown where nobody has said."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from llmstrat_iac.catalog import gpu_prices
from llmstrat_iac.catalog.gpu_prices import ec2_price, sagemaker_price
from llmstrat_iac.catalog.instances import InstanceType, find_instance, instances
from llmstrat_iac.catalog.regions import REGIONS

each_instance = pytest.mark.parametrize("instance", instances(), ids=[each.name for each in instances()])
PRICES = list(
    csv.DictReader(Path(gpu_prices.__file__).with_name("gpu_prices.csv").read_text(encoding="utf-8").splitlines())
)


@each_instance
def test_an_instance_has_a_source_and_plausible_numbers(instance: InstanceType) -> None:
    assert instance.source
    assert date.fromisoformat(instance.as_of)
    assert instance.accelerators >= 1
    assert 0.9 * instance.accelerator_gib < instance.cuda_gib <= instance.accelerator_gib
    assert instance.vcpus > 0
    assert instance.memory_gib > 0


def test_names_are_unique_and_sagemakers_mean_the_same() -> None:
    assert len({each.name for each in instances()}) == len(instances())
    assert find_instance("ml.g6e.xlarge") == find_instance("g6e.xlarge") is not None
    assert find_instance("g9.xlarge") is None


def test_gpus_before_ampere_compute_in_float16() -> None:
    formats = {each.family: each.sixteen_bit for each in instances()}
    assert {family for family, form in formats.items() if form == "float16"} == {"g4dn", "p3", "p3dn"}
    turing = find_instance("g4dn.xlarge")
    assert turing is not None
    assert turing.bf16_tflops is None
    assert turing.tflops == turing.fp16_tflops == 65


@pytest.mark.parametrize("row", PRICES, ids=lambda row: f"{row['service']}-{row['instance']}-{row['region']}")
def test_a_price_is_of_a_known_type_and_region_with_a_source(row: dict[str, str]) -> None:
    assert find_instance(row["instance"]) is not None
    assert row["region"] in REGIONS
    assert float(row["usd"]) > 0
    assert row["source"]
    assert row["as_of"][:2] == "20"


def test_prices_are_by_region_and_unknown_is_never_zero() -> None:
    assert ec2_price("g6e.xlarge", "us-east-1").usd == 1.861
    assert ec2_price("g6e.xlarge", "eu-central-1").usd == 2.327
    assert ec2_price("g6e.xlarge", "sa-east-1").usd is None
    assert ec2_price("g6e.xlarge", "us-east-1", "spot").usd is None
    assert sagemaker_price("ml.g5.xlarge", "us-east-1", "serving").usd == 1.4084
    assert sagemaker_price("g5.xlarge", "us-east-1", "training").usd is None


def test_prices_from_before_the_cut_of_june_2025_are_left_out() -> None:
    assert ec2_price("p4de.24xlarge", "us-west-2").usd is None
    assert sagemaker_price("p5.48xlarge", "us-east-1", "serving").usd is None
    assert ec2_price("p5.48xlarge", "us-east-1").usd == 55.04
