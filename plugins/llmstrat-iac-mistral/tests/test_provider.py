"""The plugin on its own: what it yields, and what its option changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

import llmstrat_iac_mistral as plugin
from llmstrat_iac.hookspecs import ResolvedProvider, ResolvedSpec
from llmstrat_iac.spec.providers import ProviderEntry

(PROVIDER,) = plugin.llmstrat_providers()
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "base_url"),
    [
        ({}, "https://api.mistral.ai/v1"),
        ({"inference_region": "eu"}, "https://api.eu.mistral.ai/v1"),
        ({"inference_region": "us"}, "https://api.us.mistral.ai/v1"),
    ],
)
def test_the_inference_region_chooses_the_endpoint(options: dict[str, str], base_url: str) -> None:
    upstream = PROVIDER.upstream(PROVIDER.options.model_validate(options), "us-east-1")
    assert (upstream.wire, upstream.base_url, upstream.auth) == ("openai", base_url, "bearer")


@pytest.mark.parametrize("options", [{"inference_region": "mars"}, {"region": "eu"}])
def test_an_unknown_region_or_option_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="region"):
        PROVIDER.options.model_validate(options)


@pytest.mark.parametrize(("region", "rules"), [("global", []), ("eu", ["mistral-regional-price"])])
def test_a_regional_endpoint_is_said_to_cost_more(region: str, rules: list[str]) -> None:
    entry = ProviderEntry.model_validate(
        {"name": "mistral", "models": [{"alias": "small", "id": "mistral-small-2603"}]}
    )
    options = PROVIDER.options.model_validate({"inference_region": region})
    # The check reads nothing but the providers, so the rest of the spec may be anything.
    resolved = ResolvedSpec(None, None, {"mistral": ResolvedProvider(entry, PROVIDER, options)})  # type: ignore[arg-type]
    findings = list(plugin.llmstrat_check(resolved))
    assert [finding.rule for finding in findings] == rules
    assert all("1.1 times" in finding.message for finding in findings)


def test_every_price_has_a_source_and_a_date() -> None:
    models = list(PROVIDER.models())
    assert len({model.id for model in models}) == len(models)
    for model in models:
        assert "platform-docs-public" in model.source
        assert datetime.fromisoformat(model.as_of) <= datetime(2026, 11, 24)
        assert model.usd_per_mtok_input is not None
        assert model.usd_per_mtok_input > 0


def test_a_retired_model_names_its_replacement() -> None:
    models = {model.id: model for model in PROVIDER.models()}
    retired = models["mistral-large-2411"]
    assert retired.retires is not None
    assert retired.retires < NOW.date()
    assert retired.replacement in models
