"""A fleet's models in a gateway: which routes an alias has, and in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmstrat_iac.components.gateway_args import ConsumerArgs, GatewayArgs, ProviderArgs, RouteArgs
from llmstrat_iac.components.open_model_gateway import FLEET, with_fleet, without_fleet
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import Fleet, IamStatement, ProgramContext, Upstream
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.target import Target

SPEC = """
apiVersion: llmstrat/v1
name: demo
strategy: closed-api
owner: owner@example.com
region: us-east-1
data: {classification: internal}
limits: {ttl: 72h}
endpoint:
  consumers: [{name: web, models: [main]}]
providers:
  - name: openai
    credentials: {secret: openai-api-key}
    models:
      - {alias: main, id: gpt-5.2, fallbacks: [small]}
      - {alias: small, id: gpt-5-mini}
"""
STATEMENT = IamStatement(("execute-api:Invoke",), ("arn:aws:execute-api:us-east-1:1:abc/v1/POST/*",), "call it")
FLEET_OF_ITS_OWN = Fleet(Upstream("openai", "https://abc/v1", "sigv4"), (STATEMENT,))
OWN = RouteArgs(FLEET, "llama", 0.0, 0.0)


@pytest.fixture
def context(tmp_path: Path) -> ProgramContext:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return ProgramContext(load_spec(path), Target(), None)


@pytest.fixture
def args() -> GatewayArgs:
    return GatewayArgs(
        prefix="demo-dev",
        region="us-east-1",
        owner="owner@example.com",
        consumers=[ConsumerArgs("web", ["own", "own-base", "main", "absent"], 10, 20)],
        models={
            "main": [RouteArgs("openai", "gpt-5.2"), RouteArgs("openai", "gpt-5-mini")],
            "small": [RouteArgs("openai", "gpt-5-mini")],
        },
        providers={"openai": ProviderArgs("openai", "bearer", "https://api.openai.com/v1")},
        expires=None,
        log_retention_days=30,
    )


def test_the_fleet_answers_first_and_then_each_fallbacks_own_model(args: GatewayArgs, context: ProgramContext) -> None:
    routes = {"own": "llama", "own-base": "llama-base"}
    made = with_fleet(args, context, fleet=FLEET_OF_ITS_OWN, routes=routes, fallback=["small", "main"])
    assert [(route.provider, route.model) for route in made.models["own"]] == [
        ("fleet", "llama"),
        ("openai", "gpt-5-mini"),
        ("openai", "gpt-5.2"),
    ]
    assert made.models["own-base"][0].model == "llama-base"
    assert made.models["own"][0] == OWN, "tokens of a fleet are billed by the hour"


def test_the_relay_may_call_the_fleet_and_signs_with_its_role(args: GatewayArgs, context: ProgramContext) -> None:
    made = with_fleet(args, context, fleet=FLEET_OF_ITS_OWN, routes={"own": "llama"}, fallback=[])
    fleet = made.providers[FLEET]
    assert (fleet.wire, fleet.auth, fleet.base_url) == ("openai", "sigv4", "https://abc/v1")
    assert [(each.actions, each.resources) for each in fleet.permissions] == [(STATEMENT.actions, STATEMENT.resources)]
    assert made.providers["openai"] == args.providers["openai"]


def test_an_alias_without_any_route_is_left_out(args: GatewayArgs, context: ProgramContext) -> None:
    made = with_fleet(args, context, fleet=FLEET_OF_ITS_OWN, routes={"own": "llama"}, fallback=["absent"])
    assert made.models.keys() == {"own", "main", "small"}
    assert made.models["own"] == [OWN]
    assert made.consumers[0].models == ["own", "main"]


def test_a_closed_model_may_fall_back_to_the_fleet(args: GatewayArgs, context: ProgramContext) -> None:
    openai = context.resolved.providers["openai"]
    main = openai.entry.models[0].model_copy(update={"fallbacks": ["own"]})
    entry = openai.entry.model_copy(update={"models": [main]})
    resolved = replace(context.resolved, providers={"openai": replace(openai, entry=entry)})
    own = replace(context, resolved=resolved)
    made = with_fleet(args, own, fleet=FLEET_OF_ITS_OWN, routes={"own": "llama"}, fallback=[])
    assert [(route.provider, route.model) for route in made.models["main"]] == [("openai", "gpt-5.2"), (FLEET, "llama")]


def test_no_provider_takes_the_fleets_name(args: GatewayArgs, context: ProgramContext) -> None:
    taken = with_fleet(args, context, fleet=FLEET_OF_ITS_OWN, routes={"own": "llama"}, fallback=[])
    with pytest.raises(LlmstratError, match="`fleet`"):
        with_fleet(taken, context, fleet=FLEET_OF_ITS_OWN, routes={"own": "llama"}, fallback=[])


@pytest.mark.parametrize(("fallback", "own"), [([], None), (["small", "absent"], ["gpt-5-mini"])])
def test_before_there_is_a_fleet_fallbacks_answer_if_there_are_any(
    fallback: list[str], own: list[str] | None, args: GatewayArgs
) -> None:
    made = without_fleet(args, aliases=["own", "own-base"], fallback=fallback)
    assert FLEET not in made.providers
    for alias in ("own", "own-base"):
        assert [route.model for route in made.models.get(alias, [])] == (own or [])
    assert made.consumers[0].models == (["own", "own-base", "main"] if own else ["main"])
