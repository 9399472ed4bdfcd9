"""The private way to a fleet, as the component registers it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from components_kit import ACCOUNT, Deployed, deploy, gateway, statements

from llmstrat_iac.components.gateway import Gateway
from llmstrat_iac.components.gateway_args import PermissionArgs, ProviderArgs, RouteArgs
from llmstrat_iac.components.private_path import PrivatePath, PrivatePathArgs

BALANCER = f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:loadbalancer/app/fleet/1"


def _path(**changes: Any) -> PrivatePath:
    arguments: Mapping[str, Any] = {
        "prefix": "demo-dev",
        "region": "us-east-1",
        "subnet_ids": ["subnet-a", "subnet-b"],
        "security_group_id": "sg-link",
        "load_balancer_arn": BALANCER,
        "load_balancer_dns_name": "internal-fleet.us-east-1.elb.amazonaws.com",
        "listener_port": 8080,
    }
    provider = aws.Provider("aws", region="us-east-1")
    args = PrivatePathArgs(**{**arguments, **changes})
    return PrivatePath("fleet", args, pulumi.ResourceOptions(providers=[provider]))


def _deploy(**changes: Any) -> Deployed:
    def program() -> None:
        path = _path(**changes)
        pulumi.export("base_url", path.base_url)
        pulumi.export("invoke_arn", path.invoke_arn)

    return deploy(program)


@pytest.fixture(scope="module")
def deployed() -> Deployed:
    return _deploy()


def test_the_url_ends_in_v1_and_only_posts_of_its_stage_are_allowed(deployed: Deployed) -> None:
    assert deployed.outputs == {
        "base_url": "https://abc.execute-api.us-east-1.amazonaws.com/v1",
        "invoke_arn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc/v1/POST/*",
    }
    assert deployed.one("aws:apigateway/stage:Stage").inputs["stageName"] == "v1"


def test_everything_is_named_after_the_stack(deployed: Deployed) -> None:
    for type in ("aws:apigateway/restApi:RestApi", "aws:apigatewayv2/vpcLink:VpcLink"):
        assert deployed.one(type).inputs["name"] == "demo-dev-fleet"


def test_the_integration_streams_through_the_link_to_the_balancer(deployed: Deployed) -> None:
    inputs = deployed.one("aws:apigateway/integration:Integration").inputs
    assert (inputs["type"], inputs["integrationHttpMethod"]) == ("HTTP_PROXY", "ANY")
    assert (inputs["connectionType"], inputs["connectionId"]) == ("VPC_LINK", "fleet-id")
    assert inputs["integrationTarget"] == BALANCER
    assert inputs["uri"] == "http://internal-fleet.us-east-1.elb.amazonaws.com:8080/v1/{proxy}"
    assert inputs["requestParameters"] == {"integration.request.path.proxy": "method.request.path.proxy"}
    assert (inputs["responseTransferMode"], inputs["timeoutMilliseconds"]) == ("STREAM", 900_000)
    link = deployed.one("aws:apigatewayv2/vpcLink:VpcLink").inputs
    assert (link["subnetIds"], link["securityGroupIds"]) == (["subnet-a", "subnet-b"], ["sg-link"])


def test_every_call_needs_a_signature_and_only_the_relays_role_is_let_in(deployed: Deployed) -> None:
    method = deployed.one("aws:apigateway/method:Method").inputs
    assert (method["httpMethod"], method["authorization"]) == ("ANY", "AWS_IAM")
    assert deployed.one("aws:apigateway/resource:Resource").inputs["pathPart"] == "{proxy+}"
    (statement,) = json.loads(deployed.one("aws:apigateway/restApiPolicy:RestApiPolicy").inputs["policy"])["Statement"]
    assert statement == {
        "Sid": "NobodyButTheRelay",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc/*",
        "Condition": {
            "ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/llmstrat/demo-dev/demo-dev-relay"}
        },
    }


def test_a_deployment_holds_the_policy_and_the_integration(deployed: Deployed) -> None:
    deployment = deployed.one("aws:apigateway/deployment:Deployment")
    assert {
        "aws:apigateway/restApiPolicy:RestApiPolicy::fleet",
        "aws:apigateway/integration:Integration::fleet",
    } <= deployment.dependencies


@pytest.mark.parametrize(
    "changes", [{"load_balancer_arn": f"{BALANCER}2"}, {"listener_port": 9090}, {"prefix": "other-dev"}]
)
def test_a_changed_path_is_deployed_again(deployed: Deployed, changes: dict[str, Any]) -> None:
    def shape(found: Deployed) -> str:
        text: str = found.one("aws:apigateway/deployment:Deployment").inputs["triggers"]["shape"]
        return text

    assert shape(_deploy()) == shape(deployed)
    assert shape(_deploy(**changes)) != shape(deployed)


def test_a_gateway_reaches_it_by_its_url_and_may_call_nothing_else() -> None:
    def program() -> None:
        path = _path()
        permissions = [PermissionArgs(["execute-api:Invoke"], [path.invoke_arn])]
        fleet = ProviderArgs("openai", "sigv4", path.base_url, permissions=permissions)
        args = gateway(providers={"fleet": fleet}, models={"chat": [RouteArgs("fleet", "llama", 0.0, 0.0)]})
        args = replace(args, consumers=[replace(args.consumers[0], models=["chat"])])
        Gateway("gateway", args, pulumi.ResourceOptions(providers=[aws.Provider("other", region="us-east-1")]))

    deployed = deploy(program)
    allowed = [
        each
        for each in statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "gateway-relay"))
        if "execute-api:Invoke" in each["Action"]
    ]
    assert [each["Resource"] for each in allowed] == [[f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc/v1/POST/*"]]
    code = deployed.one("aws:lambda/function:Function", "gateway-relay").inputs["code"]
    with zipfile.ZipFile(code.path) as archive:
        config = json.loads(archive.read("relay.json"))
    assert config["providers"]["fleet"] == {
        "wire": "openai",
        "auth": "sigv4",
        "base_url": "https://abc.execute-api.us-east-1.amazonaws.com/v1",
        "region": "us-east-1",
        "secret_arn": None,
    }
