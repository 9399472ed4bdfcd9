"""Rows of API Gateway."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
from aws_case import Case, Cloud, Inputs, policy


def agw(call: str, **names: str) -> Callable[[Cloud, Inputs], object]:
    """An API Gateway read; `names` maps argument to output property."""
    return lambda aws, out: getattr(aws("apigateway"), call)(**{key: out[prop] for key, prop in names.items()})


ROUTE = {"restApiId": "restApi", "resourceId": "resourceId", "httpMethod": "httpMethod"}

BALANCER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/fleet/0123456789abcdef"

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
        "vpc-link", "aws:apigatewayv2/vpcLink:VpcLink",
        # The account's default network.
        lambda m: {
            "subnet_ids": ["subnet-00000002", "subnet-00000001"], "security_group_ids": ["sg-00000001"],
            "tags": {"team": "a"},
        },
        lambda m: {"name": "renamed", "tags": {"team": "b"}},
        lambda m: {"subnet_ids": ["subnet-00000001"]},
        lambda aws, out: aws("apigatewayv2").get_vpc_link(VpcLinkId=out["id"]),
    ),
    Case(
        "private-method", "aws:apigateway/method:Method",
        lambda m: {
            "rest_api": m["api"].id, "resource_id": m["api"].root_resource_id, "http_method": "ANY",
            "authorization": "AWS_IAM", "request_parameters": {"method.request.path.proxy": True},
        },
        None,
        None,
        agw("get_method", **ROUTE),
    ),
    Case(
        "private", "aws:apigateway/integration:Integration",
        lambda m: {
            "rest_api": m["api"].id, "resource_id": m["api"].root_resource_id,
            "http_method": m["private-method"].http_method, "type": "HTTP_PROXY", "integration_http_method": "ANY",
            "connection_type": "VPC_LINK", "connection_id": m["other-vpc-link"].id, "integration_target": BALANCER,
            "uri": "http://fleet.test:8080/v1/{proxy}", "response_transfer_mode": "STREAM",
            "request_parameters": {"integration.request.path.proxy": "method.request.path.proxy"},
        },
        lambda m: {"integration_target": f"{BALANCER}2", "timeout_milliseconds": 90000},
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
