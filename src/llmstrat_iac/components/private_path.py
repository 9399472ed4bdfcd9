"""The private way from the relay to a fleet's load balancer: a small REST API that asks for IAM, and a VPC link.

The relay stays outside the VPC and the fleet has no public listener: API Gateway admits nobody but the relay's role and
carries the request, and the stream that answers it, into the VPC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.names import STAGE, GatewayNames
from llmstrat_iac.components.policies import Account

_STREAM_TIMEOUT_MS = 900_000


@dataclass(frozen=True)
class PrivatePathArgs:
    """Where the path starts and ends."""

    prefix: str
    """The stack's name, as `GatewayArgs.prefix`: the relay with that prefix is who may call."""
    region: str
    subnet_ids: Sequence[pulumi.Input[str]]
    """Subnets of the load balancer, for the link's network interfaces."""
    security_group_id: pulumi.Input[str]
    """Of those interfaces; the load balancer's own group must admit it on the listener's port."""
    load_balancer_arn: pulumi.Input[str]
    load_balancer_dns_name: pulumi.Input[str]
    """The Host that the load balancer sees."""
    listener_port: int = 80
    """Port of the load balancer's HTTP listener."""


class PrivatePath(pulumi.ComponentResource):
    """A REST API with IAM authorization in front of an internal load balancer; streams pass through as they come."""

    base_url: pulumi.Output[str]
    """What the relay calls; ends in `/v1`. The load balancer sees `/v1/…`, too."""
    invoke_arn: pulumi.Output[str]
    """What the relay needs `execute-api:Invoke` on."""
    api_id: pulumi.Output[str]
    vpc_link_id: pulumi.Output[str]

    def __init__(self, name: str, args: PrivatePathArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llmstrat:gateway:PrivatePath", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account = Account.current(args.region, pulumi.InvokeOutputOptions(parent=self))
        link = _vpc_link(name, args, child)
        api = _api(name, args, child)
        policy = _only_the_relay(name, args, account, api=api, opts=child)
        method, integration = _route(name, args, api=api, link=link, opts=child)
        stage = _stage(name, api, policy=policy, method=method, integration=integration, opts=child)

        self.base_url = stage.invoke_url
        # The path ends the ARN: the wildcard spans what the fleet serves, of one method of one stage.
        self.invoke_arn = pulumi.Output.concat(api.execution_arn, f"/{STAGE}/POST/*")
        self.api_id = api.id
        self.vpc_link_id = link.id
        self.register_outputs(
            {
                "base_url": self.base_url,
                "invoke_arn": self.invoke_arn,
                "api_id": self.api_id,
                "vpc_link_id": self.vpc_link_id,
            }
        )


def path_name(prefix: str) -> str:
    """Physical name of a stack's private API and of its VPC link."""
    return f"{prefix}-fleet"


def _vpc_link(name: str, args: PrivatePathArgs, opts: pulumi.ResourceOptions) -> aws.apigatewayv2.VpcLink:
    return aws.apigatewayv2.VpcLink(
        name,
        aws.apigatewayv2.VpcLinkArgs(
            name=path_name(args.prefix), subnet_ids=args.subnet_ids, security_group_ids=[args.security_group_id]
        ),
        opts=opts,
    )


def _api(name: str, args: PrivatePathArgs, opts: pulumi.ResourceOptions) -> aws.apigateway.RestApi:
    return aws.apigateway.RestApi(
        name,
        aws.apigateway.RestApiArgs(
            name=path_name(args.prefix),
            description="The relay's private way to the stack's own models",
            endpoint_configuration=aws.apigateway.RestApiEndpointConfigurationArgs(types="REGIONAL"),
        ),
        opts=opts,
    )


def _only_the_relay(
    name: str, args: PrivatePathArgs, account: Account, *, api: aws.apigateway.RestApi, opts: pulumi.ResourceOptions
) -> aws.apigateway.RestApiPolicy:
    """Denies everyone but the relay's role, whatever other policies of the account say.

    The role's own policy allows it. Its ARN is known by name, so nothing here waits for the gateway, which waits for
    this API; a Principal would have to exist already, a condition needn't.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
    """
    names = GatewayNames(args.prefix)
    relay = account.fill(f"arn:{{partition}}:iam::{{account}}:role{names.role_path}{names.relay}")
    statement = {
        "Sid": "NobodyButTheRelay",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": pulumi.Output.concat(api.execution_arn, "/*"),
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": relay}},
    }
    document = pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})
    return aws.apigateway.RestApiPolicy(
        name, aws.apigateway.RestApiPolicyArgs(rest_api_id=api.id, policy=document), opts=opts
    )


def _route(
    name: str,
    args: PrivatePathArgs,
    *,
    api: aws.apigateway.RestApi,
    link: aws.apigatewayv2.VpcLink,
    opts: pulumi.ResourceOptions,
) -> tuple[aws.apigateway.Method, aws.apigateway.Integration]:
    node = aws.apigateway.Resource(
        name,
        aws.apigateway.ResourceArgs(rest_api=api.id, parent_id=api.root_resource_id, path_part="{proxy+}"),
        opts=opts,
    )
    method = aws.apigateway.Method(
        name,
        aws.apigateway.MethodArgs(
            rest_api=api.id,
            resource_id=node.id,
            http_method="ANY",
            authorization="AWS_IAM",
            request_parameters={"method.request.path.proxy": True},
        ),
        opts=opts,
    )
    integration = aws.apigateway.Integration(
        name,
        aws.apigateway.IntegrationArgs(
            rest_api=api.id,
            resource_id=method.resource_id,
            http_method=method.http_method,
            type="HTTP_PROXY",
            integration_http_method="ANY",
            connection_type="VPC_LINK",
            connection_id=link.id,
            integration_target=args.load_balancer_arn,
            # A private integration sends the stage's name and the path, which is why the stage is called `v1`; the URI
            # sets the Host and the port, and spells the same path.
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/private-integration.html
            uri=pulumi.Output.concat(
                "http://", args.load_balancer_dns_name, f":{args.listener_port}/{STAGE}/", "{proxy}"
            ),
            request_parameters={"integration.request.path.proxy": "method.request.path.proxy"},
            response_transfer_mode="STREAM",
            timeout_milliseconds=_STREAM_TIMEOUT_MS,
        ),
        opts=opts,
    )
    return method, integration


def _stage(
    name: str,
    api: aws.apigateway.RestApi,
    *,
    policy: aws.apigateway.RestApiPolicy,
    method: aws.apigateway.Method,
    integration: aws.apigateway.Integration,
    opts: pulumi.ResourceOptions,
) -> aws.apigateway.Stage:
    """A deployment is a snapshot: whatever shapes the API, its policy too, goes into the trigger.

    No access log: the front API's and the relay's usage log have every request already.
    """
    shape: list[pulumi.Output[Any]] = [
        policy.policy,
        method.authorization,
        integration.uri,
        integration.connection_id,
        integration.integration_target,
        integration.response_transfer_mode,
        integration.timeout_milliseconds,
    ]
    digest = pulumi.Output.json_dumps(shape).apply(lambda text: hashlib.sha256(text.encode()).hexdigest())
    deployment = aws.apigateway.Deployment(
        name,
        aws.apigateway.DeploymentArgs(rest_api=api.id, triggers={"shape": digest}),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[integration, policy])),
    )
    return aws.apigateway.Stage(
        name,
        aws.apigateway.StageArgs(rest_api=api.id, deployment=deployment.id, stage_name=STAGE),
        opts=opts,
    )
