"""One row for each served type: inputs, an in-place change, a change that replaces, and boto3's word on its existence.

Rows are made in order, and later ones may use earlier ones. `test_fidelity.py` puts each through create, refresh,
no-op, update, replace and destroy.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

Made = Mapping[str, Any]
Cloud = Callable[[str], Any]
Inputs = dict[str, Any]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
OTHER_TRUST = TRUST.replace("lambda.amazonaws", "scheduler.amazonaws")
HANDLER = "def handler(event, context):\n    return {'statusCode': 200, 'body': '%s'}\n"


def policy(action: str) -> str:
    """A policy that allows one action."""
    statement = {"Effect": "Allow", "Action": [action], "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def code(text: str) -> pulumi.AssetArchive:
    """A function's package."""
    return pulumi.AssetArchive({"app.py": pulumi.StringAsset(HANDLER % text)})


@dataclass(frozen=True)
class Case:
    """A row. `change` and `replace` are added to the inputs; None: the type has no such change."""

    name: str
    token: str
    inputs: Callable[[Made], Inputs]
    change: Callable[[Made], Inputs] | None
    replace: Callable[[Made], Inputs] | None
    exists: Callable[[Cloud, Inputs], object]

    def make(self, made: Made, *, changed: bool, replaced: bool) -> Any:
        module, _, name = self.token.removeprefix("aws:").partition("/")
        package = importlib.import_module(f"pulumi_aws.{'lambda_' if module == 'lambda' else module}")
        inputs = self.inputs(made)
        inputs |= self.change(made) if changed and self.change else {}
        inputs |= self.replace(made) if replaced and self.replace else {}
        return getattr(package, name.partition(":")[2])(self.name, **inputs)


def found(items: Any, **wanted: Any) -> bool:
    """Whether a list of API items has one with these members."""
    return any(all(item.get(key) == value for key, value in wanted.items()) for item in items)


def agw(call: str, **names: str) -> Callable[[Cloud, Inputs], object]:
    """An API Gateway read; `names` maps argument to output property."""
    return lambda aws, out: getattr(aws("apigateway"), call)(**{key: out[prop] for key, prop in names.items()})


ROUTE = {"restApiId": "restApi", "resourceId": "resourceId", "httpMethod": "httpMethod"}

IAM = (
    Case(
        "role", "aws:iam/role:Role",
        lambda m: {"assume_role_policy": TRUST, "tags": {"team": "a"}},
        lambda m: {"assume_role_policy": OTHER_TRUST, "description": "new", "tags": {"team": "b", "more": "1"}},
        lambda m: {"path": "/other/"},
        lambda aws, out: aws("iam").get_role(RoleName=out["id"]),
    ),
    Case(
        "role-policy", "aws:iam/rolePolicy:RolePolicy",
        lambda m: {"role": m["role"].name, "policy": policy("s3:GetObject")},
        lambda m: {"policy": policy("s3:PutObject")},
        lambda m: {"name": "inline-by-name"},
        lambda aws, out: aws("iam").get_role_policy(RoleName=out["role"], PolicyName=out["name"]),
    ),
    Case(
        "policy", "aws:iam/policy:Policy",
        lambda m: {"policy": policy("s3:GetObject"), "tags": {"team": "a"}},
        lambda m: {"policy": policy("s3:ListBucket"), "tags": {}},
        lambda m: {"description": "can't be changed"},
        lambda aws, out: aws("iam").get_policy(PolicyArn=out["id"]),
    ),
    Case(
        "attachment", "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda m: {"role": m["role"].name, "policy_arn": m["policy"].arn},
        None,
        lambda m: {"policy_arn": m["other-policy"].arn},
        lambda aws, out: found(
            aws("iam").list_attached_role_policies(RoleName=out["role"])["AttachedPolicies"], PolicyArn=out["policyArn"]
        ),
    ),
)  # fmt: skip

LAMBDA = (
    Case(
        "function", "aws:lambda/function:Function",
        lambda m: {
            "role": m["role"].arn, "runtime": "python3.12", "handler": "app.handler", "code": code("one"),
            "environment": {"variables": {"MODE": "a", "KEY": pulumi.Output.secret("s3cr3t-value")}}, "timeout": 10,
        },
        lambda m: {"code": code("two"), "memory_size": 256, "environment": {"variables": {"MODE": "b"}}},
        lambda m: {"name": "fidelity-function"},
        lambda aws, out: aws("lambda").get_function(FunctionName=out["id"]),
    ),
    Case(
        "permission", "aws:lambda/permission:Permission",
        lambda m: {
            "function": m["function"].name, "action": "lambda:InvokeFunction", "principal": "apigateway.amazonaws.com",
            "source_arn": "arn:aws:execute-api:us-east-1:000000000000:abc/*",
        },
        None,
        lambda m: {"action": "lambda:GetFunction"},
        lambda aws, out: found(
            json.loads(aws("lambda").get_policy(FunctionName=out["function"])["Policy"])["Statement"], Sid=out["id"]
        ),
    ),
)  # fmt: skip

GATEWAY = (
    Case(
        "api", "aws:apigateway/restApi:RestApi",
        lambda m: {"endpoint_configuration": {"types": "REGIONAL"}, "description": "one", "tags": {"team": "a"}},
        lambda m: {"description": "two", "name": "renamed", "binary_media_types": ["image/png"], "tags": {"team": "b"}},
        None,
        agw("get_rest_api", restApiId="id"),
    ),
    Case(
        "path", "aws:apigateway/resource:Resource",
        lambda m: {"rest_api": m["api"].id, "parent_id": m["api"].root_resource_id, "path_part": "chat"},
        lambda m: {"path_part": "talk"},
        lambda m: {"rest_api": m["other-api"].id, "parent_id": m["other-api"].root_resource_id},
        agw("get_resource", restApiId="restApi", resourceId="id"),
    ),
    Case(
        "authorizer", "aws:apigateway/authorizer:Authorizer",
        lambda m: {
            "rest_api": m["api"].id, "authorizer_uri": m["function"].invoke_arn, "type": "REQUEST",
            "identity_source": "method.request.header.Authorization", "authorizer_result_ttl_in_seconds": 60,
        },
        lambda m: {"authorizer_result_ttl_in_seconds": 0, "name": "renamed"},
        lambda m: {"rest_api": m["other-api"].id},
        agw("get_authorizer", restApiId="restApi", authorizerId="id"),
    ),
    Case(
        "method", "aws:apigateway/method:Method",
        lambda m: {
            "rest_api": m["api"].id, "resource_id": m["api"].root_resource_id, "http_method": "POST",
            "authorization": "CUSTOM", "authorizer_id": m["authorizer"].id, "api_key_required": True,
            "request_parameters": {"method.request.header.X-A": True},
        },
        lambda m: {
            "api_key_required": False,
            "request_parameters": {"method.request.header.X-A": False, "method.request.querystring.q": True},
        },
        lambda m: {"http_method": "PUT"},
        agw("get_method", **ROUTE),
    ),
    Case(
        "integration", "aws:apigateway/integration:Integration",
        lambda m: {
            "rest_api": m["api"].id, "resource_id": m["api"].root_resource_id, "http_method": m["method"].http_method,
            "type": "AWS_PROXY", "integration_http_method": "POST", "uri": m["function"].response_streaming_invoke_arn,
            "response_transfer_mode": "STREAM", "timeout_milliseconds": 60000,
        },
        lambda m: {"timeout_milliseconds": 90000},
        lambda m: {"passthrough_behavior": "NEVER"},
        agw("get_integration", **ROUTE),
    ),
    Case(
        "mock", "aws:apigateway/integration:Integration",
        lambda m: {
            "rest_api": m["api"].id, "resource_id": m["api"].root_resource_id,
            "http_method": m["mock-method"].http_method, "type": "MOCK",
            "request_templates": {"application/json": '{"statusCode": 200}'},
        },
        lambda m: {"request_templates": {"application/json": '{"statusCode": 204}', "text/plain": "{}"}},
        None,
        agw("get_integration", **ROUTE),
    ),
    Case(
        "response", "aws:apigateway/response:Response",
        lambda m: {
            "rest_api_id": m["api"].id, "response_type": "UNAUTHORIZED", "status_code": "401",
            "response_templates": {"application/json": '{"error": "key"}'},
        },
        lambda m: {"status_code": "403", "response_parameters": {"gatewayresponse.header.X-A": "'b'"}},
        lambda m: {"response_type": "THROTTLED"},
        lambda aws, out: not aws("apigateway").get_gateway_response(
            restApiId=out["restApiId"], responseType=out["responseType"]
        )["defaultResponse"],
    ),
    Case(
        "api-policy", "aws:apigateway/restApiPolicy:RestApiPolicy",
        lambda m: {"rest_api_id": m["policed-api"].id, "policy": policy("execute-api:Invoke")},
        lambda m: {"policy": policy("execute-api:*")},
        lambda m: {"rest_api_id": m["other-api"].id},
        lambda aws, out: aws("apigateway").get_rest_api(restApiId=out["id"]).get("policy"),
    ),
    Case(
        "account", "aws:apigateway/account:Account",
        lambda m: {"cloudwatch_role_arn": m["role"].arn},
        lambda m: {"cloudwatch_role_arn": m["other-role"].arn},
        None,
        lambda aws, out: aws("apigateway").get_account().get("cloudwatchRoleArn"),
    ),
    Case(
        "deployment", "aws:apigateway/deployment:Deployment",
        lambda m: {
            "rest_api": m["api"].id, "triggers": {"hash": "one"},
            "opts": pulumi.ResourceOptions(depends_on=[m["integration"], m["mock"]]),
        },
        lambda m: {"description": "new"},
        lambda m: {"triggers": {"hash": "two"}},
        agw("get_deployment", restApiId="restApi", deploymentId="id"),
    ),
    Case(
        "stage", "aws:apigateway/stage:Stage",
        lambda m: {
            "rest_api": m["api"].id, "deployment": m["deployment"].id, "stage_name": "v1", "variables": {"a": "b"},
            "access_log_settings": {"destination_arn": m["logs"].arn, "format": "$context.requestId"},
            "opts": pulumi.ResourceOptions(depends_on=[m["account"]]),
        },
        lambda m: {"description": "new", "variables": {"a": "c", "d": "e"}, "xray_tracing_enabled": True},
        lambda m: {"stage_name": "v2"},
        agw("get_stage", restApiId="restApi", stageName="stageName"),
    ),
    Case(
        "settings", "aws:apigateway/methodSettings:MethodSettings",
        lambda m: {
            "rest_api": m["api"].id, "stage_name": m["stage"].stage_name, "method_path": "*/*",
            "settings": {"metrics_enabled": True, "throttling_burst_limit": 5, "throttling_rate_limit": 2.5},
        },
        lambda m: {"settings": {"metrics_enabled": False, "throttling_burst_limit": 7, "logging_level": "INFO"}},
        lambda m: {"method_path": "chat/POST"},
        lambda aws, out: aws("apigateway").get_stage(restApiId=out["restApi"], stageName=out["stageName"])[
            "methodSettings"
        ].get(out["methodPath"]),
    ),
    Case(
        "key", "aws:apigateway/apiKey:ApiKey",
        lambda m: {"value": pulumi.Output.secret("k" * 40), "tags": {"team": "a"}},
        lambda m: {"enabled": False, "description": "new", "tags": {"team": "b"}},
        lambda m: {"value": pulumi.Output.secret("n" * 40)},
        agw("get_api_key", apiKey="id"),
    ),
    Case(
        "plan", "aws:apigateway/usagePlan:UsagePlan",
        lambda m: {
            "api_stages": [
                {
                    "api_id": m["api"].id, "stage": m["stage"].stage_name,
                    "throttles": [{"path": "/chat/POST", "burst_limit": 5, "rate_limit": 1.5}],
                },
            ],
            "throttle_settings": {"burst_limit": 20, "rate_limit": 10},
            "quota_settings": {"limit": 1000, "period": "DAY"},
        },
        lambda m: {"throttle_settings": {"burst_limit": 40, "rate_limit": 20.5}, "quota_settings": None},
        None,
        agw("get_usage_plan", usagePlanId="id"),
    ),
    Case(
        "plan-key", "aws:apigateway/usagePlanKey:UsagePlanKey",
        lambda m: {"key_id": m["key"].id, "key_type": "API_KEY", "usage_plan_id": m["plan"].id},
        None,
        lambda m: {"key_id": m["other-key"].id},
        agw("get_usage_plan_key", usagePlanId="usagePlanId", keyId="id"),
    ),
)  # fmt: skip

DATA = (
    Case(
        "table", "aws:dynamodb/table:Table",
        lambda m: {
            "billing_mode": "PAY_PER_REQUEST", "hash_key": "pk", "range_key": "sk",
            "attributes": [{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}, {"name": "day", "type": "S"}],
            "global_secondary_indexes": [{"name": "by-day", "hash_key": "day", "projection_type": "ALL"}],
            "ttl": {"enabled": True, "attribute_name": "expires"}, "tags": {"team": "a"},
        },
        lambda m: {
            "point_in_time_recovery": {"enabled": True}, "tags": {"team": "b"}, "deletion_protection_enabled": False,
            "billing_mode": "PROVISIONED", "read_capacity": 2, "write_capacity": 3,
            "global_secondary_indexes": None, "ttl": None,
            "attributes": [{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}],
        },
        lambda m: {"range_key": "pk", "hash_key": "sk"},
        lambda aws, out: aws("dynamodb").describe_table(TableName=out["id"]),
    ),
    Case(
        "secret", "aws:secretsmanager/secret:Secret",
        lambda m: {"recovery_window_in_days": 0, "description": "one", "tags": {"team": "a"}},
        lambda m: {"description": "two", "tags": {"team": "b"}},
        lambda m: {"name": "fidelity-secret"},
        lambda aws, out: aws("secretsmanager").describe_secret(SecretId=out["id"]),
    ),
    Case(
        "secret-version", "aws:secretsmanager/secretVersion:SecretVersion",
        lambda m: {"secret_id": m["secret"].id, "secret_string": pulumi.Output.secret("s3cr3t-value")},
        lambda m: {"version_stages": ["AWSCURRENT", "blue"]},
        lambda m: {"secret_string": pulumi.Output.secret("s3cr3t-value-2")},
        lambda aws, out: aws("secretsmanager").get_secret_value(SecretId=out["secretId"], VersionId=out["versionId"]),
    ),
    Case(
        "bucket", "aws:s3/bucket:Bucket",
        lambda m: {"force_destroy": True, "tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b", "more": "1"}},
        lambda m: {"bucket": "fidelity-bucket-by-name"},
        lambda aws, out: aws("s3").head_bucket(Bucket=out["id"]),
    ),
    Case(
        "public-access", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        lambda m: {"bucket": m["home-bucket"].id, "block_public_acls": True},
        lambda m: {"block_public_policy": True, "block_public_acls": False},
        lambda m: {"bucket": m["other-bucket"].id},
        lambda aws, out: aws("s3").get_public_access_block(Bucket=out["id"]),
    ),
    Case(
        "encryption", "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        lambda m: {
            "bucket": m["home-bucket"].id,
            "rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        },
        lambda m: {
            "rules": [
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms", "kms_master_key_id": m["kms-key"].arn,
                    },
                    "bucket_key_enabled": True,
                }
            ]
        },
        lambda m: {"bucket": m["other-bucket"].id},
        lambda aws, out: aws("s3").get_bucket_encryption(Bucket=out["id"]),
    ),
    Case(
        "object", "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda m: {"bucket": m["home-bucket"].id, "key": "a/b.txt", "source": pulumi.StringAsset("one")},
        lambda m: {"source": pulumi.StringAsset("two"), "content_type": "text/plain", "tags": {"team": "b"}},
        lambda m: {"key": "a/c.txt"},
        lambda aws, out: aws("s3").head_object(Bucket=out["bucket"], Key=out["key"]),
    ),
    Case(
        "kms-key", "aws:kms/key:Key",
        lambda m: {"description": "one", "deletion_window_in_days": 7, "tags": {"team": "a"}},
        lambda m: {"description": "two", "enable_key_rotation": True, "tags": {"team": "b"}},
        lambda m: {"multi_region": True},
        lambda aws, out: aws("kms").describe_key(KeyId=out["id"])["KeyMetadata"]["KeyState"] != "PendingDeletion",
    ),
    Case(
        "kms-alias", "aws:kms/alias:Alias",
        lambda m: {"target_key_id": m["kms-key"].key_id},
        lambda m: {"target_key_id": m["other-kms-key"].arn},
        lambda m: {"name": "alias/fidelity"},
        lambda aws, out: found(aws("kms").list_aliases()["Aliases"], AliasName=out["id"]),
    ),
)  # fmt: skip

WATCH = (
    Case(
        "logs", "aws:cloudwatch/logGroup:LogGroup",
        lambda m: {"retention_in_days": 7, "tags": {"team": "a"}},
        lambda m: {"retention_in_days": 14, "tags": {"team": "b"}},
        lambda m: {"name": "/fidelity/by-name"},
        lambda aws, out: found(
            aws("logs").describe_log_groups(logGroupNamePrefix=out["id"])["logGroups"], logGroupName=out["id"]
        ),
    ),
    Case(
        "metric-filter", "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        lambda m: {
            "log_group_name": m["logs"].name, "pattern": "ERROR",
            "metric_transformation": {"name": "Errors", "namespace": "Fidelity", "value": "1", "default_value": "0"},
        },
        lambda m: {"pattern": "WARN"},
        lambda m: {"name": "filter-by-name"},
        lambda aws, out: found(
            aws("logs").describe_metric_filters(logGroupName=out["logGroupName"])["metricFilters"], filterName=out["id"]
        ),
    ),
    Case(
        "alarm", "aws:cloudwatch/metricAlarm:MetricAlarm",
        lambda m: {
            "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 1, "metric_name": "5XXError",
            "namespace": "AWS/ApiGateway", "period": 60, "statistic": "Sum", "threshold": 5,
            "dimensions": {"ApiName": "x"}, "alarm_actions": [m["topic"].arn, m["other-topic"].arn],
            "tags": {"team": "a"},
        },
        lambda m: {"threshold": 7.5, "dimensions": {"ApiName": "y"}, "tags": {"team": "b"}},
        lambda m: {"name": "fidelity-alarm"},
        lambda aws, out: aws("cloudwatch").describe_alarms(AlarmNames=[out["id"]])["MetricAlarms"],
    ),
    Case(
        "dashboard", "aws:cloudwatch/dashboard:Dashboard",
        lambda m: {"dashboard_name": "fidelity", "dashboard_body": json.dumps({"widgets": []}, indent=2)},
        lambda m: {"dashboard_body": json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "x"}}]})},
        lambda m: {"dashboard_name": "fidelity-2"},
        lambda aws, out: found(aws("cloudwatch").list_dashboards()["DashboardEntries"], DashboardName=out["id"]),
    ),
    Case(
        "topic", "aws:sns/topic:Topic",
        lambda m: {"display_name": "one", "tags": {"team": "a"}},
        lambda m: {"display_name": "two", "tags": {"team": "b"}},
        lambda m: {"name": "fidelity-topic"},
        lambda aws, out: aws("sns").get_topic_attributes(TopicArn=out["id"]),
    ),
    Case(
        "subscription", "aws:sns/topicSubscription:TopicSubscription",
        lambda m: {
            "topic": m["topic"].arn, "protocol": "lambda", "endpoint": m["function"].arn,
            "filter_policy": '{"kind": ["a"]}',
        },
        lambda m: {"filter_policy": '{"kind": ["b"]}'},
        lambda m: {"protocol": "sqs", "endpoint": "arn:aws:sqs:us-east-1:000000000000:queue"},
        lambda aws, out: aws("sns").get_subscription_attributes(SubscriptionArn=out["id"]),
    ),
    Case(
        "budget", "aws:budgets/budget:Budget",
        lambda m: {
            "budget_type": "COST", "time_unit": "MONTHLY", "limit_amount": "100", "limit_unit": "USD",
            "cost_filters": [{"name": "TagKeyValue", "values": ["user:llmstrat:stack$x"]}],
            "notifications": [
                {
                    "comparison_operator": "GREATER_THAN", "notification_type": "ACTUAL", "threshold": 80,
                    "threshold_type": "PERCENTAGE", "subscriber_email_addresses": ["a@example.com"],
                }
            ],
        },
        lambda m: {
            "limit_amount": "250.0",
            "notifications": [
                {
                    "comparison_operator": "GREATER_THAN", "notification_type": "FORECASTED", "threshold": 100,
                    "threshold_type": "PERCENTAGE", "subscriber_email_addresses": ["a@example.com", "b@example.com"],
                }
            ],
        },
        lambda m: {"name": "fidelity-budget"},
        lambda aws, out: aws("budgets").describe_budget(AccountId=out["accountId"], BudgetName=out["name"]),
    ),
    Case(
        "schedule-group", "aws:scheduler/scheduleGroup:ScheduleGroup",
        lambda m: {"tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"name": "fidelity-group"},
        lambda aws, out: aws("scheduler").get_schedule_group(Name=out["id"]),
    ),
    Case(
        "schedule", "aws:scheduler/schedule:Schedule",
        lambda m: {
            "group_name": m["schedule-group"].name, "schedule_expression": "at(2099-01-01T00:00:00)",
            "flexible_time_window": {"mode": "OFF"},
            "target": {
                "arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "role_arn": m["role"].arn,
                "input": json.dumps({"InstanceIds": ["i-1"]}),
            },
        },
        lambda m: {"schedule_expression": "rate(1 hours)", "state": "DISABLED", "description": "new"},
        lambda m: {"name": "fidelity-schedule"},
        lambda aws, out: aws("scheduler").get_schedule(GroupName=out["groupName"], Name=out["name"]),
    ),
)  # fmt: skip


def _extra(name: str, like: Case) -> Case:
    """A second one of a type, for others to live in or move to.

    Nothing may move away from what is deleted before it's replaced, in the same update: the engine (3.259) then races
    with itself and writes a broken snapshot.
    """
    return Case(name, like.token, like.inputs, None, None, like.exists)


def _ordered() -> tuple[Case, ...]:
    by_name = {case.name: case for case in (*IAM, *LAMBDA, *GATEWAY, *DATA, *WATCH)}
    method = Case(
        "mock-method", by_name["method"].token,
        lambda m: {
            "rest_api": m["api"].id, "resource_id": m["api"].root_resource_id, "http_method": "GET",
            "authorization": "NONE",
        },
        None, None, by_name["method"].exists,
    )  # fmt: skip
    pairs = {
        "other-policy": "policy", "other-role": "role", "other-api": "api", "policed-api": "api",
        "other-bucket": "bucket", "home-bucket": "bucket", "other-kms-key": "kms-key", "other-topic": "topic",
    }  # fmt: skip
    other_key = Case("other-key", by_name["key"].token, lambda m: {"enabled": True}, None, None, by_name["key"].exists)
    first = [_extra(name, by_name[like]) for name, like in pairs.items()]
    late = {"attachment", "integration", "mock"}
    cases = [*first, other_key, *IAM, *(c for c in WATCH if c.name == "logs"), *LAMBDA]
    for case in GATEWAY:
        cases += [method, case] if case.name == "mock" else [case]
    assert late <= {case.name for case in cases}
    cases += sorted(DATA, key=lambda case: case.name != "kms-key")
    cases += sorted((c for c in WATCH if c.name != "logs"), key=lambda case: case.name != "topic")
    return tuple(cases)


CASES = _ordered()


def program(*, changed: bool = False, replaced: bool = False) -> Callable[[], None]:
    """A program with every case in it."""

    def run() -> None:
        made: dict[str, Any] = {}
        for case in CASES:
            made[case.name] = case.make(made, changed=changed, replaced=replaced)

    return run
