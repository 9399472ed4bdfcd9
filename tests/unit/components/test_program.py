"""Strategy A's program through both doors: the same registrations, and the outputs that commands rely on."""

from __future__ import annotations

import sys
from pathlib import Path

import pulumi
import pytest
from components_kit import EXPIRES, SEED, Deployed, deploy
from pulumi.runtime import set_all_config

from llmstrat_iac.components.key_seed import derive_key
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.program import PROJECT, run, run_from_config
from llmstrat_iac.target import Target

SPEC = """
apiVersion: llmstrat/v1
name: demo
strategy: closed-api
owner: owner@example.com
region: us-east-1
data: {classification: internal}
limits: {ttl: 366d, monthly_usd: 100}
endpoint:
  consumers:
    - {name: web, models: [chat], tokens_per_month: 1000}
providers:
  - name: openai
    credentials: {secret: "env:LLMSTRAT_TEST_VENDOR_KEY"}
    models: [{alias: chat, id: gpt-5.2}]
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def by_automation(spec: Path) -> Deployed:
    return deploy(lambda: run(ProgramContext(load_spec(spec), Target(), EXPIRES, {"openai": "sk-vendor"})))


def _by_pulumi(spec: Path) -> Deployed:
    set_all_config({f"{PROJECT}:spec": str(spec), f"{PROJECT}:expires": f"{EXPIRES:%Y-%m-%dT%H:%M:%SZ}"})
    try:
        return deploy(run_from_config)
    finally:
        set_all_config({})


def test_both_doors_register_the_same(spec: Path, by_automation: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSTRAT_TEST_VENDOR_KEY", "sk-vendor")
    by_pulumi = _by_pulumi(spec)
    assert {(each.type, each.name) for each in by_pulumi.registrations} == {
        (each.type, each.name) for each in by_automation.registrations
    }
    for each in by_automation.registrations:
        other = by_pulumi.one(each.type, each.name)
        if each.type != "aws:lambda/function:Function":  # archives are equal by content, not as objects
            assert other == each
    assert by_pulumi.outputs == by_automation.outputs


def test_what_the_user_can_fix_is_no_traceback(spec: Path) -> None:
    with pytest.raises(pulumi.RunError, match="`LLMSTRAT_TEST_VENDOR_KEY` is not set"):
        _by_pulumi(spec)


def test_every_resource_carries_the_stacks_tags(by_automation: Deployed) -> None:
    provider = by_automation.one("pulumi:providers:aws").inputs
    assert '"llmstrat:stack": "demo-dev"' in provider["defaultTags"]
    assert provider["region"] == "us-east-1"
    for name, value in {
        "owner": "owner@example.com",
        "strategy": "closed-api",
        "expires": "2099-12-01T18:00:00Z",
    }.items():
        assert f'"llmstrat:{name}": "{value}"' in provider["defaultTags"]


def test_the_outputs_say_what_commands_need(by_automation: Deployed) -> None:
    outputs = by_automation.outputs
    assert outputs == {
        "name": "demo",
        "environment": "dev",
        "strategy": "closed-api",
        "owner": "owner@example.com",
        "region": "us-east-1",
        "ttl": "366d",
        "expires": "2099-12-01T18:00:00Z",
        "base_url": "https://abc.execute-api.us-east-1.amazonaws.com/v1",
        "keys": {"web": derive_key(SEED, "web", 1)},
        "models": ["chat"],
        "consumers": {"web": ["chat"]},
        "usage_log_group": "/llmstrat/demo-dev/relay",
        "relay_function": "demo-dev-relay",
        "authorizer_function": "demo-dev-authorizer",
        "budget_table": "demo-dev-token-budget",
        "kept": ["account-wide role for API Gateway's logs: arn:aws:iam::1:role/logs"],
    }


def test_no_path_of_the_users_gets_into_the_state(by_automation: Deployed) -> None:
    assert {each.stack_frames for each in by_automation.registrations} == {0}
    assert not hasattr(sys, "tracebacklimit")
