"""The gateway's resources, as the component registers them."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from components_kit import ACCOUNT, SEED, Deployed, deploy, gateway, statements

from llmstrat_iac.components.gateway import Gateway
from llmstrat_iac.components.gateway_args import ConsumerArgs, GatewayArgs, ProviderArgs
from llmstrat_iac.components.gateway_errors import GATEWAY_ERRORS
from llmstrat_iac.components.key_seed import derive_key, digest_of
from llmstrat_iac.components.rest_api import ROUTES

CONSUMER_KEYS = "pulumi-python:dynamic/llmstrat:ConsumerKeys"
# How Pulumi marks a secret on the wire; the two constants are its own.
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def _secret(value: str) -> dict[str, str]:
    return SECRET | {"value": value}


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.items() >= SECRET.items()


def _deploy(args: GatewayArgs, *, preview: bool = False) -> Deployed:
    def program() -> None:
        provider = aws.Provider("aws", region="us-east-1")
        component = Gateway("gateway", args, pulumi.ResourceOptions(providers=[provider]))
        pulumi.export("base_url", component.base_url)
        pulumi.export("keys", component.keys)
        pulumi.export("budget_table", component.budget_table)

    return deploy(program, preview=preview)


@pytest.fixture(scope="module")
def deployed() -> Deployed:
    return _deploy(gateway())


def test_the_base_url_is_the_stage_and_ends_in_v1(deployed: Deployed) -> None:
    assert deployed.outputs["base_url"] == "https://abc.execute-api.us-east-1.amazonaws.com/v1"
    assert deployed.one("aws:apigateway/stage:Stage").inputs["stageName"] == "v1"


def test_the_api_has_the_five_methods_and_nothing_else(deployed: Deployed) -> None:
    paths = {"root": ""}
    for each in sorted(deployed.of("aws:apigateway/resource:Resource"), key=lambda each: each.name):
        paths[f"{each.name}-id"] = f"{paths[each.inputs['parentId']]}/{each.inputs['pathPart']}"
    methods = {
        (each.inputs["httpMethod"], paths[each.inputs["resourceId"]])
        for each in deployed.of("aws:apigateway/method:Method")
    }
    assert methods == {
        ("POST", "/chat/completions"),
        ("POST", "/completions"),
        ("POST", "/responses"),
        ("POST", "/embeddings"),
        ("GET", "/models"),
    }


def test_every_method_wants_a_key_from_the_authorizer(deployed: Deployed) -> None:
    for method in deployed.of("aws:apigateway/method:Method"):
        assert method.inputs["authorization"] == "CUSTOM"
        assert method.inputs["apiKeyRequired"] is True
    authorizer = deployed.one("aws:apigateway/authorizer:Authorizer").inputs
    assert authorizer["type"] == "REQUEST"
    assert authorizer["identitySource"] == "method.request.header.Authorization"
    assert authorizer["authorizerResultTtlInSeconds"] == 300
    api = deployed.one("aws:apigateway/restApi:RestApi").inputs
    assert api["apiKeySource"] == "AUTHORIZER"
    assert api["endpointConfiguration"] == {"types": "REGIONAL"}


def test_every_integration_streams(deployed: Deployed) -> None:
    integrations = deployed.of("aws:apigateway/integration:Integration")
    assert len(integrations) == len(ROUTES)
    for integration in integrations:
        assert integration.inputs["type"] == "AWS_PROXY"
        assert integration.inputs["responseTransferMode"] == "STREAM"
        assert integration.inputs["uri"].endswith("/response-streaming-invocations")
        assert integration.inputs["timeoutMilliseconds"] == 900_000


def test_api_gateways_own_errors_have_openais_shape() -> None:
    for error in GATEWAY_ERRORS:
        body = json.loads(error.body.replace("$context.error.messageString", '"text"'))
        assert body["error"].keys() == {"message", "type", "param", "code"}, error.response_type
        assert body["error"]["message"], error.response_type


def test_the_deployment_waits_for_every_integration_and_response(deployed: Deployed) -> None:
    deployment = deployed.one("aws:apigateway/deployment:Deployment")
    for type in ("aws:apigateway/integration:Integration", "aws:apigateway/response:Response"):
        assert {f"{type}::{each.name}" for each in deployed.of(type)} <= deployment.dependencies


def test_a_changed_api_is_deployed_again_and_an_equal_one_is_not(deployed: Deployed) -> None:
    def shape(found: Deployed) -> str:
        text: str = found.one("aws:apigateway/deployment:Deployment").inputs["triggers"]["shape"]
        return text

    assert shape(_deploy(gateway())) == shape(deployed)
    assert shape(_deploy(gateway(prefix="other-dev"))) != shape(deployed)


def test_the_stage_logs_access_once_the_account_allows_it(deployed: Deployed) -> None:
    stage = deployed.one("aws:apigateway/stage:Stage")
    assert "pulumi-python:dynamic/llmstrat:AccountLogRole::gateway" in stage.dependencies
    log = json.loads(stage.inputs["accessLogSettings"]["format"])
    assert {"responseTransferMode", "timeToAllHeaders", "timeToFirstContent", "integrationLatency"} <= log.keys()
    settings = deployed.one("aws:apigateway/methodSettings:MethodSettings").inputs["settings"]
    assert settings == {"metricsEnabled": True, "loggingLevel": "OFF", "dataTraceEnabled": False}


def test_the_functions_have_their_own_logs_with_retention(deployed: Deployed) -> None:
    groups = {
        each.inputs["name"]: each.inputs["retentionInDays"] for each in deployed.of("aws:cloudwatch/logGroup:LogGroup")
    }
    assert groups == {f"/llmstrat/demo-dev/{name}": 30 for name in ("relay", "authorizer", "access")}
    for function in deployed.of("aws:lambda/function:Function"):
        assert function.inputs["loggingConfig"]["logGroup"] in groups
        assert function.inputs["runtime"] == "python3.13"
        assert function.inputs["architectures"] == ["arm64"]
    relay = deployed.one("aws:lambda/function:Function", "gateway-relay").inputs
    assert relay["timeout"] == 900
    assert relay["environment"] == {"variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper.sh"}}
    assert "reservedConcurrentExecutions" not in relay


def test_the_relays_concurrency_can_be_reserved() -> None:
    deployed = _deploy(gateway(max_concurrency=20))
    assert deployed.one("aws:lambda/function:Function", "gateway-relay").inputs["reservedConcurrentExecutions"] == 20


def test_no_policy_has_a_wildcard_action(deployed: Deployed) -> None:
    policies = deployed.of("aws:iam/rolePolicy:RolePolicy")
    assert {each.name for each in policies} == {"gateway-relay", "gateway-authorizer", "gateway-expiry"}
    for policy in policies:
        for statement in statements(policy):
            assert not any("*" in action for action in statement["Action"]), policy.name
            for resource in statement["Resource"]:
                allowed = resource.removesuffix(":*") if "logs:PutLogEvents" in statement["Action"] else resource
                assert "*" not in allowed, policy.name


def test_the_relay_may_do_exactly_what_its_providers_need(deployed: Deployed) -> None:
    actions = {
        action
        for each in statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "gateway-relay"))
        for action in each["Action"]
    }
    assert actions == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "dynamodb:UpdateItem",
        "bedrock:InvokeModel",
    }
    for role in deployed.of("aws:iam/role:Role"):
        assert role.inputs["path"] == "/llmstrat/demo-dev/"


def test_consumers_with_equal_limits_share_one_plan() -> None:
    consumers = [
        ConsumerArgs("web", ["chat"], 10, 20),
        ConsumerArgs("batch", ["chat"], 10, 20),
        ConsumerArgs("trial", ["chat"], 0.5, 1, requests_per_month=100),
    ]
    deployed = _deploy(gateway(consumers=consumers))
    plans = {each.name: each for each in deployed.of("aws:apigateway/usagePlan:UsagePlan")}
    assert set(plans) == {"gateway-10rps-20burst-unlimited", "gateway-0.5rps-1burst-100"}
    assert plans["gateway-0.5rps-1burst-100"].inputs["quotaSettings"] == {"limit": 100, "period": "MONTH"}
    assert "quotaSettings" not in plans["gateway-10rps-20burst-unlimited"].inputs
    assert all("aws:apigateway/stage:Stage::gateway" in plan.dependencies for plan in plans.values())


def test_consumers_add_no_resources() -> None:
    def count(consumers: int) -> int:
        crowd = [ConsumerArgs(f"c{number}", ["chat"], 10, 20) for number in range(consumers)]
        return len(_deploy(gateway(consumers=crowd)).registrations)

    assert count(200) == count(1)


def test_each_consumer_has_a_key_of_its_own_in_its_plan(deployed: Deployed) -> None:
    keys = deployed.one(CONSUMER_KEYS).inputs
    plan = "gateway-10rps-20burst-unlimited-id"
    assert keys["keys"] == {
        f"demo-dev-{name}-1": {"consumer": name, "generation": 1, "usage_plan_id": plan} for name in ("web", "batch")
    }
    assert keys["tags"] == {"llmstrat:stack": "demo-dev"}
    assert keys["seed"] == _secret(SEED)


def test_keys_are_secrets_wherever_they_are(deployed: Deployed) -> None:
    assert deployed.one("pulumi-python:dynamic/llmstrat:KeySeed").secret_outputs == {"value"}
    assert deployed.outputs["keys"] == {name: derive_key(SEED, name, 1) for name in ("web", "batch")}
    for each in deployed.registrations:
        plain = {name: value for name, value in each.inputs.items() if not _is_secret(value)}
        assert not any(key in str(plain) for key in deployed.outputs["keys"].values()), each.name


def test_the_authorizer_knows_the_digests_and_no_key(deployed: Deployed) -> None:
    with zipfile.ZipFile(
        deployed.one("aws:lambda/function:Function", "gateway-authorizer").inputs["code"].path
    ) as code:
        ring = json.loads(code.read("consumers.json"))
    assert ring["keys"] == {
        digest_of(key): {"consumer": consumer, "not_after": None} for consumer, key in deployed.outputs["keys"].items()
    }


def test_during_a_rotation_both_generations_are_live() -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    consumer = ConsumerArgs("web", ["chat"], 10, 20, key_generation=3, previous_key_until=until)
    deployed = _deploy(gateway(consumers=[consumer]))
    assert deployed.one(CONSUMER_KEYS).inputs["keys"].keys() == {"demo-dev-web-3", "demo-dev-web-2"}
    assert deployed.outputs["keys"] == {"web": derive_key(SEED, "web", 3)}
    after = _deploy(gateway(consumers=[replace(consumer, previous_key_until=None)]))
    assert after.one(CONSUMER_KEYS).inputs["keys"].keys() == {"demo-dev-web-3"}


def test_without_token_budgets_there_is_no_table() -> None:
    deployed = _deploy(gateway(consumers=[ConsumerArgs("web", ["chat"], 10, 20)]))
    assert deployed.of("aws:dynamodb/table:Table") == []
    assert deployed.outputs["budget_table"] is None


def test_the_budget_table_forgets_old_months(deployed: Deployed) -> None:
    table = deployed.one("aws:dynamodb/table:Table").inputs
    assert table["billingMode"] == "PAY_PER_REQUEST"
    assert table["hashKey"] == "id"
    assert table["ttl"] == {"attributeName": "expires", "enabled": True}


def test_an_uploaded_key_is_a_secret_that_a_destroy_frees_at_once(deployed: Deployed) -> None:
    secret = deployed.one("aws:secretsmanager/secret:Secret").inputs
    assert secret["name"] == "demo-dev-openai-api-key"
    assert secret["recoveryWindowInDays"] == 0
    version = deployed.one("aws:secretsmanager/secretVersion:SecretVersion").inputs["secretString"]
    assert version == _secret("sk-vendor-secret")


def test_the_vendors_key_is_nowhere_else(deployed: Deployed) -> None:
    for each in deployed.registrations:
        if each.type != "aws:secretsmanager/secretVersion:SecretVersion":
            assert "sk-vendor-secret" not in str(each.inputs), each.type


def test_an_existing_secret_is_named_and_never_read() -> None:
    provider = ProviderArgs("openai", "bearer", "https://api.openai.com/v1", existing_secret="team/openai")
    args = gateway()
    deployed = _deploy(replace(args, providers={**args.providers, "openai": provider}))
    assert deployed.of("aws:secretsmanager/secret:Secret") == []
    read = [
        each
        for each in statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "gateway-relay"))
        if "secretsmanager:GetSecretValue" in each["Action"]
    ]
    assert read[0]["Resource"] == [f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:team/openai-??????"]


def test_at_the_expiry_the_relay_is_stopped_from_inside_the_account(deployed: Deployed) -> None:
    schedule = deployed.one("aws:scheduler/schedule:Schedule").inputs
    assert schedule["scheduleExpression"] == "at(2099-12-01T18:00:00)"
    assert schedule["scheduleExpressionTimezone"] == "UTC"
    assert schedule["actionAfterCompletion"] == "NONE"
    assert schedule["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:lambda:putFunctionConcurrency"
    call = json.loads(schedule["target"]["input"])
    assert call == {"FunctionName": "demo-dev-relay", "ReservedConcurrentExecutions": 0}
    (allowed,) = statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "gateway-expiry"))
    assert allowed["Action"] == ["lambda:PutFunctionConcurrency"]
    trust = json.loads(deployed.one("aws:iam/role:Role", "gateway-expiry").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Condition"]["StringEquals"]["aws:SourceAccount"] == ACCOUNT


def test_a_ttl_of_never_has_no_schedule_and_no_limit_has_no_budget() -> None:
    deployed = _deploy(gateway(expires=None, monthly_usd=None))
    for type in (
        "aws:scheduler/schedule:Schedule",
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        "aws:budgets/budget:Budget",
    ):
        assert deployed.of(type) == []


def test_the_owner_hears_of_errors_and_money(deployed: Deployed) -> None:
    assert deployed.one("aws:sns/topicSubscription:TopicSubscription").inputs["endpoint"] == "owner@example.com"
    metrics = {each.inputs["metricName"] for each in deployed.of("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert metrics == {"Errors", "Throttles", "5XXError"}
    budget = deployed.one("aws:budgets/budget:Budget").inputs
    assert budget["limitAmount"] == "500.00"
    assert budget["costFilters"] == [{"name": "TagKeyValue", "values": ["user:llmstrat:stack$demo-dev"]}]
    warnings = {(each["notificationType"], each["threshold"]) for each in budget["notifications"]}
    assert warnings == {("FORECASTED", 80), ("ACTUAL", 100)}


def test_every_aws_resource_takes_the_given_provider_and_belongs_to_the_component(deployed: Deployed) -> None:
    for each in deployed.registrations:
        if each.type.startswith("aws:"):
            assert each.provider.endswith("::aws::aws-id"), each.type
            assert each.parent == "gateway", each.type
