"""The two doors of a program: what they make of the spec, the configuration and the environment."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmstrat_iac.components.gateway_from_spec import gateway_args
from llmstrat_iac.errors import CredentialError, LlmstratError
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.program import PROJECT, expiry_from_config, secrets_from_environment
from llmstrat_iac.spec.units import TimeToLive
from llmstrat_iac.target import Target

SPEC = """
apiVersion: llmstrat/v1
name: demo
strategy: closed-api
owner: owner@example.com
region: eu-central-1
data: {classification: internal}
limits: {ttl: 8h, monthly_usd: 50}
endpoint:
  usage_log: {retention_days: 7, prompts: true}
  consumers:
    - {name: web, models: [chat], requests_per_second: 0.2}
    - name: batch
      models: [chat, nova]
      burst: 3
      tokens_per_month: 9
      key: {generation: 2, previous_until: 2026-12-01T00:00:00Z}
providers:
  - name: openai
    credentials: {secret: "env:OPENAI_API_KEY"}
    models: [{alias: chat, id: gpt-5.2, fallbacks: [nova]}]
  - name: bedrock
    models: [{alias: nova, id: "eu.amazon.nova-pro-v1:0"}]
"""
NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


def _context(tmp_path: Path, target: Target | None = None) -> ProgramContext:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    resolved = load_spec(path)
    return ProgramContext(resolved, target or Target(), NOW, {"openai": "sk-vendor"})


def test_the_gateway_is_what_the_spec_says(tmp_path: Path) -> None:
    context = _context(tmp_path)
    endpoint = context.resolved.spec.endpoint
    assert endpoint is not None
    args = gateway_args(context, endpoint)
    assert (args.prefix, args.region, args.owner) == ("demo-dev", "eu-central-1", "owner@example.com")
    assert (args.expires, args.monthly_usd, args.log_retention_days, args.log_prompts) == (NOW, 50, 7, True)
    web, batch = args.consumers
    assert (web.requests_per_second, web.burst, web.tokens_per_month) == (0.2, 1, None)
    assert (batch.burst, batch.tokens_per_month, batch.key_generation) == (3, 9, 2)
    assert batch.previous_key_until == datetime(2026, 12, 1, tzinfo=UTC)
    assert [(each.provider, each.model) for each in args.models["chat"]] == [
        ("openai", "gpt-5.2"),
        ("bedrock", "eu.amazon.nova-pro-v1:0"),
    ]
    assert args.providers["openai"].api_key == "sk-vendor"
    assert args.providers["bedrock"].api_key is args.providers["bedrock"].existing_secret is None
    assert args.providers["bedrock"].permissions


def test_the_target_replaces_the_vendors_addresses(tmp_path: Path) -> None:
    context = _context(tmp_path, Target(upstreams={"openai": "http://127.0.0.1:1/v1"}))
    endpoint = context.resolved.spec.endpoint
    assert endpoint is not None
    providers = gateway_args(context, endpoint).providers
    assert providers["openai"].base_url == "http://127.0.0.1:1/v1"
    assert providers["bedrock"].base_url is None


def test_keys_come_from_the_variables_that_the_spec_names(tmp_path: Path) -> None:
    resolved = _context(tmp_path).resolved
    assert secrets_from_environment(resolved, {"OPENAI_API_KEY": " sk-x\n"}) == {"openai": "sk-x"}
    with pytest.raises(CredentialError, match="`OPENAI_API_KEY` is not set"):
        secrets_from_environment(resolved, {"OPENAI_API_KEY": ""})


@pytest.mark.parametrize(
    ("configured", "ttl", "expected"),
    [
        (None, "8h", datetime(2026, 11, 24, 17, tzinfo=UTC)),
        (None, "30m", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("2026-12-01T18:30:00Z", "8h", datetime(2026, 12, 1, 18, 30, tzinfo=UTC)),
        ("2026-12-01T18:30:00", "8h", datetime(2026, 12, 1, 18, 30, tzinfo=UTC)),
        ("2026-12-01T18:30:00Z", "never", None),
    ],
)
def test_the_expiry_is_the_configured_or_the_ttls_next_full_hour(
    configured: str | None, ttl: str, expected: datetime | None
) -> None:
    assert expiry_from_config(configured, TimeToLive(ttl), NOW) == expected


@pytest.mark.parametrize(("configured", "says"), [("soon", "no time"), ("2026-11-24T08:30:00Z", "in the past")])
def test_an_expiry_that_wont_do_is_refused(configured: str, says: str) -> None:
    with pytest.raises(LlmstratError, match=says):
        expiry_from_config(configured, TimeToLive("8h"), NOW)


def test_every_folder_is_the_one_project() -> None:
    for folder in (Path(__file__).parents[3] / "stacks").iterdir():
        assert f"\nname: {PROJECT}\n" in (folder / "Pulumi.yaml").read_text()
        assert len((folder / "__main__.py").read_text().splitlines()) <= 10
