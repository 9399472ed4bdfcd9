"""The REST API in front of the relay: five streaming methods behind the authorizer, errors in OpenAI's shape.

A stage serves a deployment, which is a snapshot: whatever shapes the API goes into the deployment's trigger, else a
change would never reach clients.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.functions import create_log_group
from llmstrat_iac.components.gateway_args import GatewayArgs
from llmstrat_iac.components.gateway_errors import GATEWAY_ERRORS, GatewayError
from llmstrat_iac.components.names import STAGE, GatewayNames

ROUTES = (
    ("POST", "chat/completions"),
    ("POST", "completions"),
    ("POST", "responses"),
    ("POST", "embeddings"),
    ("GET", "models"),
)
_STREAM_TIMEOUT_MS = 900_000
_AUTHORIZER_TTL_SECONDS = 300

ACCESS_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "time": "$context.requestTimeEpoch",
        "consumer": "$context.authorizer.consumer",
        "method": "$context.httpMethod",
        "path": "$context.resourcePath",
        "status": "$context.status",
        "error": "$context.error.responseType",
        "responseLength": "$context.responseLength",
        "responseLatency": "$context.responseLatency",
        "integrationStatus": "$context.integration.status",
        "integrationLatency": "$context.integration.latency",
        "responseTransferMode": "$context.integration.responseTransferMode",
        "timeToAllHeaders": "$context.integration.timeToAllHeaders",
        "timeToFirstContent": "$context.integration.timeToFirstContent",
    }
)


@dataclass(frozen=True)
class RestApi:
    """What the rest of the gateway needs of its API."""

    api: aws.apigateway.RestApi
    stage: aws.apigateway.Stage


@dataclass(frozen=True)
class Route:
    """A method with what it calls."""

    method: aws.apigateway.Method
    integration: aws.apigateway.Integration

    @property
    def shape(self) -> list[pulumi.Output[Any]]:
        """What clients notice when it changes."""
        method, integration = self.method, self.integration
        return [
            method.resource_id,
            method.http_method,
            method.authorization,
            method.api_key_required,
            integration.uri,
            integration.response_transfer_mode,
            integration.timeout_milliseconds,
        ]


class RestApiBuilder:
    """Creates the API's resources step by step; `build` is the one entry."""

    def __init__(
        self,
        name: str,
        args: GatewayArgs,
        names: GatewayNames,
        *,
        relay: aws.lambda_.Function,
        authorizer: aws.lambda_.Function,
        log_role: pulumi.Resource,
        opts: pulumi.ResourceOptions,
    ) -> None:
        self._name, self._args, self._names = name, args, names
        self._relay, self._authorizer_function, self._log_role = relay, authorizer, log_role
        self._opts = opts
        self._api = aws.apigateway.RestApi(
            name,
            aws.apigateway.RestApiArgs(
                name=names.api,
                description="OpenAI-compatible LLM endpoint",
                api_key_source="AUTHORIZER",
                # Edge-optimised endpoints cut a stream after 30 s of silence, regional ones after 5 minutes.
                endpoint_configuration=aws.apigateway.RestApiEndpointConfigurationArgs(types="REGIONAL"),
            ),
            opts=opts,
        )

    def build(self) -> RestApi:
        """Create everything up to the stage."""
        authorizer = self._authorizer()
        routes = self._routes(authorizer)
        responses = [self._error(error) for error in GATEWAY_ERRORS]
        self._permissions(authorizer)
        deployment = self._deployment(authorizer, routes, responses)
        return RestApi(self._api, self._stage(deployment))

    def _authorizer(self) -> aws.apigateway.Authorizer:
        return aws.apigateway.Authorizer(
            self._name,
            aws.apigateway.AuthorizerArgs(
                name="consumer-key",
                rest_api=self._api.id,
                type="REQUEST",
                identity_source="method.request.header.Authorization",
                authorizer_uri=self._authorizer_function.invoke_arn,
                authorizer_result_ttl_in_seconds=_AUTHORIZER_TTL_SECONDS,
            ),
            opts=self._opts,
        )

    def _routes(self, authorizer: aws.apigateway.Authorizer) -> list[Route]:
        nodes: dict[str, pulumi.Output[str]] = {"": self._api.root_resource_id}
        methods = [self._method(verb, path, self._node(path, nodes), authorizer) for verb, path in ROUTES]
        return [
            Route(method, self._integration(path, method)) for (_, path), method in zip(ROUTES, methods, strict=True)
        ]

    def _node(self, path: str, nodes: dict[str, pulumi.Output[str]]) -> pulumi.Output[str]:
        """The id of the API resource for `path`, created with its parents at first use."""
        if path not in nodes:
            parent, _, part = path.rpartition("/")
            nodes[path] = aws.apigateway.Resource(
                f"{self._name}-{_slug(path)}",
                aws.apigateway.ResourceArgs(rest_api=self._api.id, parent_id=self._node(parent, nodes), path_part=part),
                opts=self._opts,
            ).id
        return nodes[path]

    def _method(
        self, verb: str, path: str, node: pulumi.Output[str], authorizer: aws.apigateway.Authorizer
    ) -> aws.apigateway.Method:
        return aws.apigateway.Method(
            f"{self._name}-{_slug(path)}",
            aws.apigateway.MethodArgs(
                rest_api=self._api.id,
                resource_id=node,
                http_method=verb,
                authorization="CUSTOM",
                authorizer_id=authorizer.id,
                api_key_required=True,
            ),
            opts=self._opts,
        )

    def _integration(self, path: str, method: aws.apigateway.Method) -> aws.apigateway.Integration:
        return aws.apigateway.Integration(
            f"{self._name}-{_slug(path)}",
            aws.apigateway.IntegrationArgs(
                rest_api=self._api.id,
                resource_id=method.resource_id,
                http_method=method.http_method,
                type="AWS_PROXY",
                integration_http_method="POST",
                uri=self._relay.response_streaming_invoke_arn,
                response_transfer_mode="STREAM",
                timeout_milliseconds=_STREAM_TIMEOUT_MS,
            ),
            opts=self._opts,
        )

    def _error(self, error: GatewayError) -> aws.apigateway.Response:
        return aws.apigateway.Response(
            f"{self._name}-{error.response_type.lower().replace('_', '-')}",
            aws.apigateway.ResponseArgs(
                rest_api_id=self._api.id,
                response_type=error.response_type,
                status_code=error.status,
                response_templates={"application/json": error.body},
            ),
            opts=self._opts,
        )

    def _permissions(self, authorizer: aws.apigateway.Authorizer) -> None:
        # InvokeWithResponseStream is authorised by lambda:InvokeFunction, too.
        # https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
        callers = (
            ("relay", self._relay, pulumi.Output.concat(self._api.execution_arn, f"/{STAGE}/*")),
            (
                "authorizer",
                self._authorizer_function,
                pulumi.Output.concat(self._api.execution_arn, "/authorizers/", authorizer.id),
            ),
        )
        for name, function, source in callers:
            aws.lambda_.Permission(
                f"{self._name}-{name}",
                aws.lambda_.PermissionArgs(
                    statement_id="api-gateway",
                    action="lambda:InvokeFunction",
                    function=function.name,
                    principal="apigateway.amazonaws.com",
                    source_arn=source,
                ),
                opts=self._opts,
            )

    def _deployment(
        self,
        authorizer: aws.apigateway.Authorizer,
        routes: Sequence[Route],
        responses: Sequence[aws.apigateway.Response],
    ) -> aws.apigateway.Deployment:
        shape = {
            "authorizer": [authorizer.id, authorizer.authorizer_uri, authorizer.identity_source],
            "routes": [route.shape for route in routes],
            "responses": [[error.response_type, error.status, error.body] for error in GATEWAY_ERRORS],
        }
        digest = pulumi.Output.json_dumps(shape).apply(lambda text: hashlib.sha256(text.encode()).hexdigest())
        return aws.apigateway.Deployment(
            self._name,
            aws.apigateway.DeploymentArgs(rest_api=self._api.id, triggers={"shape": digest}),
            opts=pulumi.ResourceOptions.merge(
                self._opts, pulumi.ResourceOptions(depends_on=[*(route.integration for route in routes), *responses])
            ),
        )

    def _stage(self, deployment: aws.apigateway.Deployment) -> aws.apigateway.Stage:
        log_group = create_log_group(
            f"{self._name}-access", self._names.access_log, self._args.log_retention_days, self._opts
        )
        stage = aws.apigateway.Stage(
            self._name,
            aws.apigateway.StageArgs(
                rest_api=self._api.id,
                deployment=deployment.id,
                stage_name=STAGE,
                access_log_settings=aws.apigateway.StageAccessLogSettingsArgs(
                    destination_arn=log_group.arn, format=ACCESS_LOG_FORMAT
                ),
            ),
            opts=pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=[self._log_role])),
        )
        aws.apigateway.MethodSettings(
            self._name,
            aws.apigateway.MethodSettingsArgs(
                rest_api=self._api.id,
                stage_name=stage.stage_name,
                method_path="*/*",
                # Execution logs and data traces would hold prompts; API Gateway writes none for streams anyway.
                settings=aws.apigateway.MethodSettingsSettingsArgs(
                    metrics_enabled=True, logging_level="OFF", data_trace_enabled=False
                ),
            ),
            opts=self._opts,
        )
        return stage


def _slug(path: str) -> str:
    return path.replace("/", "-")
