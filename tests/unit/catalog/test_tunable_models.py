"""The catalogue of bases: sources, dates, and that it fits what the rest of the toolkit knows about the same models."""

from __future__ import annotations

from datetime import date

import pytest

from llmstrat_iac.catalog.regions import REGIONS
from llmstrat_iac.catalog.tunable_models import TunableBase, tunable_models
from llmstrat_iac.planner.tuning import load_tuning, tuning_providers
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.tuning import Hyperparameters

VENDORS = ("bedrock", "sagemaker", "gemini", "openai")
REGISTRY = create_registry()
BASES = [(vendor, base) for vendor in VENDORS for base in tunable_models(vendor)]
each_base = pytest.mark.parametrize(("vendor", "base"), BASES, ids=[base.id for _, base in BASES])


def test_the_built_in_vendors_tune() -> None:
    assert set(tuning_providers(REGISTRY)) == set(VENDORS)


@each_base
def test_a_base_has_a_source_a_date_and_no_price_of_zero(vendor: str, base: TunableBase) -> None:
    assert base.source
    assert date.fromisoformat(base.as_of)
    prices = (base.usd_per_mtok_training, base.usd_per_mtok_input, base.usd_per_mtok_output)
    assert all(price is None or price > 0 for price in (*prices, base.usd_hosting_hour, base.usd_month_storage))
    assert set(base.regions) <= set(REGIONS)


@each_base
def test_a_base_can_be_tuned_by_what_the_catalogue_says(vendor: str, base: TunableBase) -> None:
    tuning = load_tuning(REGISTRY.provider(vendor), REGISTRY)
    for method in base.methods:
        assert tuning.hyperparameters_of(base.id, method) is not None
        assert tuning.rules(base.id, method).method == method


@each_base
def test_a_base_that_can_be_called_is_a_known_model_that_retires_no_earlier(vendor: str, base: TunableBase) -> None:
    if base.inference_id is None:
        return
    model = {model.id: model for model in REGISTRY.provider(vendor).models()}[base.inference_id]
    if model.retires is not None:
        assert base.retires is not None
        assert base.retires <= model.retires


def test_a_tuned_nova_costs_what_its_base_does() -> None:
    models = {model.id: model for model in REGISTRY.provider("bedrock").models()}
    for base in tunable_models("bedrock"):
        if base.usd_per_mtok_input is not None:
            assert base.inference_id is not None
            assert base.usd_per_mtok_input == models[base.inference_id].usd_per_mtok_input
            assert base.usd_per_mtok_output == models[base.inference_id].usd_per_mtok_output


@pytest.mark.parametrize("vendor", VENDORS)
def test_hyperparameters_and_options_are_closed_described_and_have_epochs(vendor: str) -> None:
    tuning = load_tuning(REGISTRY.provider(vendor), REGISTRY)
    for model in (*tuning.hyperparameters.values(), tuning.options):
        assert model.model_config["extra"] == "forbid"
        assert all(field.description for field in model.model_fields.values())
    for parameters in tuning.hyperparameters.values():
        assert issubclass(parameters, Hyperparameters)
        assert parameters.model_validate({}).epochs >= 1
