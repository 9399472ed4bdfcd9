"""The gateway of examples/demo/gateway.yaml as an engineer would write it without this toolkit, for benchmarks/up.py.

One flat file over pulumi_aws and nothing of ours, hence longer than our own files. It must register the same resource
types as often as the toolkit does, which the benchmark checks; the Lambda packages (`relayZip`, `authorizerZip`) come
ready from the benchmark.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from datetime import datetime
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import dynamic

config = pulumi.Config()
prefix = pulumi.get_stack()
region, owner = "us-east-1", "ml-platform@example.com"
expires = datetime.fromisoformat(config.require("expires"))
consumers = [("web", 10, 20), ("trial", 10, 20)]
tags = {"stack": prefix, "owner": owner, "strategy": "closed-api", "expires": f"{expires:%Y-%m-%dT%H:%M:%SZ}"}
provider = aws.Provider("aws", region=region, default_tags=aws.ProviderDefaultTagsArgs(tags=tags))
opts = pulumi.ResourceOptions(provider=provider)
identity = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=provider))


class SeedProvider(dynamic.ResourceProvider):
    """Draws the secret that the keys are derived from."""

    serialize_as_secret_always = False

    def create(self, _props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(secrets.token_hex(8), {"value": secrets.token_hex(32)})


class Seed(dynamic.Resource):
    """That secret."""

    value: pulumi.Output[str]

    def __init__(self, name: str) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(SeedProvider(), name, {"value": None}, secret)


def key_of(seed: str, consumer: str) -> str:
    return hmac.digest(bytes.fromhex(seed), consumer.encode(), "sha256").hex()


class KeysProvider(dynamic.ResourceProvider):
    """Registers the keys with API Gateway, all in one resource, since Pulumi writes its state after each."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        import boto3

        gateway, ids = boto3.client("apigateway", region_name=region), {}
        for name, plan in props["plans"].items():
            key = gateway.create_api_key(
                name=f"{prefix}-{name}", enabled=True, value=key_of(props["seed"], name), tags=tags
            )
            gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
            ids[name] = key["id"]
        return dynamic.CreateResult("keys", {"ids": ids})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        import boto3

        gateway = boto3.client("apigateway", region_name=region)
        for key in props["ids"].values():
            gateway.delete_api_key(apiKey=key)


class Keys(dynamic.Resource):
    """The consumers' keys."""

    def __init__(self, name: str, seed: pulumi.Output[str], plans: dict[str, pulumi.Output[str]]) -> None:
        super().__init__(KeysProvider(), name, {"seed": pulumi.Output.secret(seed), "plans": plans})


class LogRoleProvider(dynamic.ResourceProvider):
    """Sets the account's role for API Gateway's logs if there is none; `aws.apigateway.Account` would reset it."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        import boto3

        gateway, iam = boto3.client("apigateway", region_name=region), boto3.client("iam", region_name=region)
        arn = gateway.get_account().get("cloudwatchRoleArn")
        if not arn:
            name = "apigateway-logs"
            document = trust("apigateway.amazonaws.com")
            arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
            policy = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
            iam.attach_role_policy(RoleName=name, PolicyArn=policy)
            patch = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}]
            gateway.update_account(patchOperations=patch)
        return dynamic.CreateResult(region, {"role_arn": arn})


class LogRole(dynamic.Resource):
    """The account's role for API Gateway's logs."""

    role_arn: pulumi.Output[str]

    def __init__(self, name: str) -> None:
        super().__init__(LogRoleProvider(), name, {"role_arn": None})


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(name: str, service: str, statements: list[dict[str, Any]]) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    made = aws.iam.Role(name, name=f"{prefix}-{name}", path=f"/{prefix}/", assume_role_policy=trust(service), opts=opts)
    document = pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
    )
    return made, aws.iam.RolePolicy(name, name="least-privilege", role=made.name, policy=document, opts=opts)


def log_group(name: str) -> aws.cloudwatch.LogGroup:
    return aws.cloudwatch.LogGroup(name, name=f"/gateways/{prefix}/{name}", retention_in_days=30, opts=opts)


def write_log(group: aws.cloudwatch.LogGroup) -> dict[str, Any]:
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    return {"Action": actions, "Resource": [pulumi.Output.concat(group.arn, ":*")]}


def logging(group: aws.cloudwatch.LogGroup) -> aws.lambda_.FunctionLoggingConfigArgs:
    return aws.lambda_.FunctionLoggingConfigArgs(
        log_format="JSON", application_log_level="INFO", system_log_level="WARN", log_group=group.name
    )


budget_table = aws.dynamodb.Table(
    "token-budget",
    name=f"{prefix}-token-budget",
    billing_mode="PAY_PER_REQUEST",
    hash_key="id",
    attributes=[aws.dynamodb.TableAttributeArgs(name="id", type="S")],
    ttl=aws.dynamodb.TableTtlArgs(attribute_name="expires", enabled=True),
    opts=opts,
)
openai_key = aws.secretsmanager.Secret("openai", name=f"{prefix}-openai-api-key", recovery_window_in_days=0, opts=opts)
aws.secretsmanager.SecretVersion(
    "openai", secret_id=openai_key.id, secret_string=pulumi.Output.secret(os.environ["OPENAI_API_KEY"]), opts=opts
)

usage_log = log_group("relay")
relay_role, relay_policy = role(
    "relay",
    "lambda.amazonaws.com",
    [
        write_log(usage_log),
        {"Action": ["secretsmanager:GetSecretValue"], "Resource": [openai_key.arn]},
        {"Action": ["dynamodb:UpdateItem"], "Resource": [budget_table.arn]},
    ],
)
relay = aws.lambda_.Function(
    "relay",
    name=f"{prefix}-relay",
    role=relay_role.arn,
    runtime="python3.13",
    architectures=["arm64"],
    handler="relay.lambda_handler.handler",
    code=pulumi.FileArchive(config.require("relayZip")),
    timeout=900,
    memory_size=512,
    environment=aws.lambda_.FunctionEnvironmentArgs(variables={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper.sh"}),
    logging_config=logging(usage_log),
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[relay_policy]),
)

seed = Seed("seed")
authorizer_log = log_group("authorizer")
authorizer_role, authorizer_policy = role("authorizer", "lambda.amazonaws.com", [write_log(authorizer_log)])
authorizer_function = aws.lambda_.Function(
    "authorizer",
    name=f"{prefix}-authorizer",
    role=authorizer_role.arn,
    runtime="python3.13",
    architectures=["arm64"],
    handler="relay.authorizer.handler",
    code=pulumi.FileArchive(config.require("authorizerZip")),
    timeout=10,
    memory_size=128,
    logging_config=logging(authorizer_log),
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[authorizer_policy]),
)

api = aws.apigateway.RestApi(
    "api",
    name=prefix,
    api_key_source="AUTHORIZER",
    endpoint_configuration=aws.apigateway.RestApiEndpointConfigurationArgs(types="REGIONAL"),
    opts=opts,
)
authorizer = aws.apigateway.Authorizer(
    "consumer-key",
    name="consumer-key",
    rest_api=api.id,
    type="REQUEST",
    identity_source="method.request.header.Authorization",
    authorizer_uri=authorizer_function.invoke_arn,
    authorizer_result_ttl_in_seconds=300,
    opts=opts,
)


def node(path: str, parent: pulumi.Output[str]) -> pulumi.Output[str]:
    part = path.rpartition("-")[2]
    return aws.apigateway.Resource(path, rest_api=api.id, parent_id=parent, path_part=part, opts=opts).id


routes = {
    "chat-completions": ("POST", node("chat-completions", node("chat", api.root_resource_id))),
    **{path: ("POST", node(path, api.root_resource_id)) for path in ("completions", "responses", "embeddings")},
    "models": ("GET", node("models", api.root_resource_id)),
}
methods, integrations = [], []
for path, (verb, resource_id) in routes.items():
    method = aws.apigateway.Method(
        path,
        rest_api=api.id,
        resource_id=resource_id,
        http_method=verb,
        authorization="CUSTOM",
        authorizer_id=authorizer.id,
        api_key_required=True,
        opts=opts,
    )
    integration = aws.apigateway.Integration(
        path,
        rest_api=api.id,
        resource_id=method.resource_id,
        http_method=method.http_method,
        type="AWS_PROXY",
        integration_http_method="POST",
        uri=relay.response_streaming_invoke_arn,
        response_transfer_mode="STREAM",
        timeout_milliseconds=900_000,
        opts=opts,
    )
    methods.append(method)
    integrations.append(integration)

errors = {
    "UNAUTHORIZED": ("401", "Incorrect API key provided.", "invalid_api_key"),
    "ACCESS_DENIED": ("403", "This API key may not do that.", "permission_denied"),
    "INVALID_API_KEY": ("401", "This API key is no longer in use.", "invalid_api_key"),
    "MISSING_AUTHENTICATION_TOKEN": ("404", "No such path or method.", "unknown_url"),
    "THROTTLED": ("429", "Rate limit reached: send requests more slowly.", "rate_limit_exceeded"),
    "QUOTA_EXCEEDED": ("429", "The monthly request quota is used up.", "insufficient_quota"),
    "DEFAULT_4XX": (None, "The request was refused.", None),
    "DEFAULT_5XX": (None, "The gateway failed.", None),
}
responses = [
    aws.apigateway.Response(
        response_type.lower(),
        rest_api_id=api.id,
        response_type=response_type,
        status_code=status,
        response_templates={"application/json": json.dumps({"error": {"message": message, "code": code}})},
        opts=opts,
    )
    for response_type, (status, message, code) in errors.items()
]
for name, function, source in (
    ("relay", relay, pulumi.Output.concat(api.execution_arn, "/v1/*")),
    ("authorizer", authorizer_function, pulumi.Output.concat(api.execution_arn, "/authorizers/", authorizer.id)),
):
    aws.lambda_.Permission(
        name,
        statement_id="api-gateway",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="apigateway.amazonaws.com",
        source_arn=source,
        opts=opts,
    )

shape = [[one.resource_id, one.http_method, two.uri] for one, two in zip(methods, integrations, strict=True)]
digest = pulumi.Output.json_dumps([authorizer.id, shape, errors]).apply(
    lambda text: hashlib.sha256(text.encode()).hexdigest()
)
deployment = aws.apigateway.Deployment(
    "deployment",
    rest_api=api.id,
    triggers={"shape": digest},
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[*integrations, *responses]),
)
log_role = LogRole("log-role")
access_log = log_group("access")
access_format = {
    name: f"$context.{name}" for name in ("requestId", "httpMethod", "resourcePath", "status", "responseLatency")
}
stage = aws.apigateway.Stage(
    "v1",
    rest_api=api.id,
    deployment=deployment.id,
    stage_name="v1",
    access_log_settings=aws.apigateway.StageAccessLogSettingsArgs(
        destination_arn=access_log.arn, format=json.dumps(access_format)
    ),
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[log_role]),
)
aws.apigateway.MethodSettings(
    "v1",
    rest_api=api.id,
    stage_name=stage.stage_name,
    method_path="*/*",
    settings=aws.apigateway.MethodSettingsSettingsArgs(
        metrics_enabled=True, logging_level="OFF", data_trace_enabled=False
    ),
    opts=opts,
)

plans: dict[tuple[int, int], aws.apigateway.UsagePlan] = {}
for _, rate, burst in consumers:
    if (rate, burst) not in plans:
        plans[rate, burst] = aws.apigateway.UsagePlan(
            f"{rate}rps",
            name=f"{prefix}-{rate}rps",
            api_stages=[aws.apigateway.UsagePlanApiStageArgs(api_id=api.id, stage=stage.stage_name)],
            throttle_settings=aws.apigateway.UsagePlanThrottleSettingsArgs(rate_limit=rate, burst_limit=burst),
            opts=opts,
        )
Keys("keys", seed.value, {name: plans[rate, burst].id for name, rate, burst in consumers})

topic = aws.sns.Topic("alarms", name=f"{prefix}-alarms", opts=opts)
aws.sns.TopicSubscription("alarms", topic=topic.arn, protocol="email", endpoint=owner, opts=opts)
for name, namespace, metric, dimensions, threshold in (
    ("relay-errors", "AWS/Lambda", "Errors", {"FunctionName": relay.name}, 1),
    ("relay-throttles", "AWS/Lambda", "Throttles", {"FunctionName": relay.name}, 1),
    ("api-5xx", "AWS/ApiGateway", "5XXError", {"ApiName": prefix, "Stage": "v1"}, 5),
):
    aws.cloudwatch.MetricAlarm(
        name,
        name=f"{prefix}-{name}",
        namespace=namespace,
        metric_name=metric,
        dimensions=dimensions,
        statistic="Sum",
        period=300,
        evaluation_periods=1,
        threshold=threshold,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=[topic.arn],
        opts=opts,
    )
aws.budgets.Budget(
    "monthly",
    name=prefix,
    budget_type="COST",
    time_unit="MONTHLY",
    limit_amount="100.00",
    limit_unit="USD",
    cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:stack${prefix}"])],
    notifications=[
        aws.budgets.BudgetNotificationArgs(
            notification_type=kind,
            comparison_operator="GREATER_THAN",
            threshold=percent,
            threshold_type="PERCENTAGE",
            subscriber_email_addresses=[owner],
        )
        for kind, percent in (("FORECASTED", 80), ("ACTUAL", 100))
    ],
    opts=opts,
)

group = aws.scheduler.ScheduleGroup("expiry", name=prefix, opts=opts)
expiry_role, expiry_policy = role(
    "expiry", "scheduler.amazonaws.com", [{"Action": ["lambda:PutFunctionConcurrency"], "Resource": [relay.arn]}]
)
aws.scheduler.Schedule(
    "expiry",
    name=f"{prefix}-stop-relay",
    group_name=group.name,
    schedule_expression=f"at({expires:%Y-%m-%dT%H:%M:%S})",
    schedule_expression_timezone="UTC",
    flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
    action_after_completion="NONE",
    target=aws.scheduler.ScheduleTargetArgs(
        arn=identity.arn.apply(
            lambda arn: f"arn:{arn.split(':')[1]}:scheduler:::aws-sdk:lambda:putFunctionConcurrency"
        ),
        role_arn=expiry_role.arn,
        input=pulumi.Output.json_dumps({"FunctionName": relay.name, "ReservedConcurrentExecutions": 0}),
        retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
            maximum_event_age_in_seconds=3600, maximum_retry_attempts=10
        ),
    ),
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[expiry_policy]),
)

pulumi.export("base_url", stage.invoke_url)
pulumi.export("keys", seed.value.apply(lambda known: {name: key_of(known, name) for name, _, _ in consumers}))
