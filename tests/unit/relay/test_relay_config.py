"""`relay.json` and `consumers.json`: what is read, and that a wrong field is named by its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from relay_kit import GPT, config, document

from llmstrat_iac.relay.config import Consumer, Provider, Route, load_config
from llmstrat_iac.relay.consumers import KeyEntry, load_keys
from llmstrat_iac.relay.errors import ConfigError


def test_everything_is_frozen_data() -> None:
    made = config("https://vendor.example/v1", consumers={"web": {"models": ["gpt-main"], "tokens_per_month": 5}})
    assert made.consumers == {"web": Consumer("web", frozenset({"gpt-main"}), 5)}
    assert made.models["gpt-main"] == (Route("openai", "gpt-5.2", 1.25, 10.0),)
    assert made.providers["openai"] == Provider(
        "openai", "openai", "bearer", "https://vendor.example/v1", None, "arn:aws:secretsmanager:r:1:secret:k"
    )
    assert made.keepalive_seconds == 15.0


def test_missing_prices_and_null_limits_are_unknown_and_not_zero() -> None:
    made = config(models={"gpt-main": [{"provider": "openai", "model": "m"}]}, consumers={"web": {"models": []}})
    assert made.models["gpt-main"][0].usd_per_mtok_input is None
    assert made.consumers["web"].tokens_per_month is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "relay.json.version: expected 1, got 2"),
        ({"stack": 5}, "relay.json.stack: expected a string, got 5"),
        ({"log_prompts": "yes"}, "relay.json.log_prompts: expected true or false"),
        ({"keepalive_seconds": 0}, "relay.json.keepalive_seconds: must be more than 0"),
        ({"keepalive": 3}, "relay.json.keepalive: unknown field"),
        ({"models": {"m": []}}, "relay.json.models.m: expected a list of at least one route"),
        ({"models": {"m": [{"provider": "x", "model": "y"}]}}, "relay.json.models.m[0].provider: no provider 'x'"),
        ({"models": {"m": [GPT | {"usd_per_mtok_input": "1"}]}}, "relay.json.models.m[0].usd_per_mtok_input: expected"),
        ({"consumers": {"web": {"models": ["zz"]}}}, "relay.json.consumers.web.models: no model 'zz'"),
        ({"consumers": {"web": {"models": "gpt-main"}}}, "relay.json.consumers.web.models: expected a list"),
        ({"consumers": {"web": {"models": [], "tokens_per_month": True}}}, "tokens_per_month: expected a whole number"),
        ({"consumers": {"web": {"models": [], "tokens_per_month": -1}}}, "tokens_per_month: must not be negative"),
        ({"providers": {"openai": {"wire": "smtp", "auth": "none"}}}, "relay.json.providers.openai.wire: expected one"),
        (
            {"providers": {"openai": {"wire": "openai", "auth": "basic"}}},
            "auth: wire openai takes bearer or google or sigv4 or none",
        ),
        ({"providers": {"openai": {"wire": "openai", "auth": "none"}}}, "base_url: wire openai needs an http(s) URL"),
        (
            {"providers": {"openai": {"wire": "openai", "auth": "sigv4", "base_url": "http://x"}}},
            "relay.json.providers.openai.region: auth sigv4 needs the region",
        ),
        (
            {"providers": {"openai": {"wire": "sagemaker", "auth": "sigv4", "region": "us-east-1"}}},
            "base_url: wire sagemaker needs an http(s) URL",
        ),
        ({"providers": {"openai": {"wire": "sagemaker", "auth": "bearer"}}}, "wire sagemaker takes sigv4"),
        (
            {"providers": {"openai": {"wire": "openai", "auth": "bearer", "base_url": "http://x"}}},
            "relay.json.providers.openai.secret_arn: auth bearer needs a secret",
        ),
    ],
)
def test_wrong_fields_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "relay.json"
    path.write_text(json.dumps(document(**changes)))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(("content", "message"), [("{", "not JSON"), ("[]", "expected an object, got list")])
def test_unreadable_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "relay.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)
    with pytest.raises(ConfigError, match=r"absent\.json: can't be read"):
        load_config(tmp_path / "absent.json")


def test_keys_are_digests_with_an_end(tmp_path: Path) -> None:
    path = tmp_path / "consumers.json"
    entries = {"a" * 64: {"consumer": "web", "not_after": "2026-12-01T00:00:00Z"}, "b" * 64: {"consumer": "ci"}}
    path.write_text(json.dumps({"version": 1, "keys": entries}))
    assert load_keys(path).entries == {"a" * 64: KeyEntry("web", 1796083200.0), "b" * 64: KeyEntry("ci", None)}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"sk-plain-key": {"consumer": "web"}}, "expected 64 lower-case hex digits"),
        ({"a" * 64: {"consumer": "web", "not_after": "soon"}}, "not_after: expected a time like"),
        ({"a" * 64: {}}, "consumer: missing"),
    ],
)
def test_wrong_keys_are_named(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    path = tmp_path / "consumers.json"
    path.write_text(json.dumps({"version": 1, "keys": keys}))
    with pytest.raises(ConfigError, match=message):
        load_keys(path)
