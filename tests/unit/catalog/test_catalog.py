"""The catalogue: every figure has a source and a date, unknown is None, and lifecycles override prices' files."""

from __future__ import annotations

from datetime import date

import pytest

from llmstrat_iac.catalog.aws_prices import aws_price
from llmstrat_iac.catalog.closed_models import closed_models
from llmstrat_iac.catalog.strategies import STRATEGY_PROFILES
from llmstrat_iac.plugins import create_registry

PROVIDERS = ("openai", "gemini", "bedrock")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_model_has_a_source_and_a_date_and_no_price_is_zero(provider: str) -> None:
    models = closed_models(provider)
    assert len(models) >= 20
    for model in models:
        assert model.source, model
        assert date.fromisoformat(model.as_of)
        assert model.usd_per_mtok_input is None or model.usd_per_mtok_input > 0, model
        assert model.usd_per_mtok_output is None or model.usd_per_mtok_output > 0, model


@pytest.mark.parametrize("provider", PROVIDERS)
def test_ids_are_unique_and_as_the_vendor_writes_them(provider: str) -> None:
    ids = [model.id for model in closed_models(provider)]
    assert len(ids) == len(set(ids))
    assert not [identity for identity in ids if "/" in identity or "@" in identity or " " in identity]


def test_a_preview_without_a_price_is_unknown() -> None:
    models = {model.id: model for model in closed_models("bedrock")}
    assert models["anthropic.claude-mythos-preview"].usd_per_mtok_output is None


def test_announced_retirements_are_joined_to_the_prices() -> None:
    models = {model.id: model for model in closed_models("openai")}
    assert models["gpt-4.1"].retires == date(2027, 1, 14)
    assert models["gpt-4.1"].replacement == "gpt-6-luna"
    assert models["gpt-4.1"].usd_per_mtok_input == 2.0


def test_replacements_are_models_that_are_not_retired_earlier() -> None:
    for provider in PROVIDERS:
        models = {model.id: model for model in closed_models(provider)}
        for model in models.values():
            instead = models.get(model.replacement or "")
            if instead is not None and instead.retires is not None and model.retires is not None:
                assert instead.retires >= model.retires, model


def test_a_price_of_another_region_is_not_borrowed() -> None:
    assert aws_price("apigateway-request", "us-east-1").usd == pytest.approx(3.5e-6)
    assert aws_price("apigateway-request", "eu-central-1").usd == pytest.approx(3.7e-6)
    nowhere = aws_price("apigateway-request", "sa-east-1")
    assert (nowhere.usd, nowhere.unit, nowhere.as_of) == (None, "request", "")


def test_an_item_that_nothing_is_known_of_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        aws_price("teleportation", "us-east-1")


def test_the_four_strategies_rise_in_control_and_complexity() -> None:
    assert [profile.letter for profile in STRATEGY_PROFILES] == ["A", "B", "C", "D"]
    assert [profile.control for profile in STRATEGY_PROFILES] == [1, 2, 3, 4]
    assert [profile.complexity for profile in STRATEGY_PROFILES] == [1, 2, 3, 4]
    assert all(profile.pros and profile.cons and profile.fits for profile in STRATEGY_PROFILES)


def test_the_built_in_strategy_takes_its_texts_from_the_catalogue() -> None:
    profile, strategy = STRATEGY_PROFILES[0], create_registry().strategy("A")
    for name in ("name", "letter", "title", "summary", "control", "complexity", "fits", "pros", "cons", "example"):
        assert getattr(strategy, name) == getattr(profile, name)


def test_bedrock_asks_for_exactly_the_listed_models() -> None:
    bedrock = create_registry().provider("bedrock")
    plain, profile = bedrock.permissions(["us.amazon.nova-pro-v1:0", "amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"])
    assert plain.actions == profile.actions == ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
    assert plain.resources == ("arn:{partition}:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0",)
    assert profile.resources == (
        "arn:{partition}:bedrock:{region}:{account}:inference-profile/us.amazon.nova-pro-v1:0",
        "arn:{partition}:bedrock:*::foundation-model/amazon.nova-pro-v1:0",
    )
    assert "region" in profile.reason


def test_upstreams() -> None:
    registry = create_registry()
    found = {name: each.upstream(each.options(), "us-east-1") for name, each in registry.providers.items()}
    assert (found["openai"].wire, found["openai"].base_url) == ("openai", "https://api.openai.com/v1")
    assert found["gemini"].base_url == "https://generativelanguage.googleapis.com/v1beta/openai"
    assert (found["bedrock"].wire, found["bedrock"].auth) == ("bedrock-converse", "sigv4")
