"""The private path on the real engine: deployed once, called with the relay's role and through a gateway, gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pulumi
import pytest
import urllib3
from botocore.credentials import Credentials
from private_api import FIRST, LAST, PORT, Network, PrivateApi, Target, make_balancer, make_network, serving_target
from provider_kit import QUIET, Bench

from llmstrat_iac.components.gateway import Gateway
from llmstrat_iac.components.gateway_args import ConsumerArgs, GatewayArgs, PermissionArgs, ProviderArgs, RouteArgs
from llmstrat_iac.components.private_path import PrivatePath, PrivatePathArgs
from llmstrat_iac.sandbox.environment import ACCOUNT, REGION, aws_variables

pytestmark = QUIET
Cloud = Callable[[str], Any]
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture
def target() -> Iterator[Target]:
    with serving_target() as running:
        yield running


def private_path(balancer: str, network: Network, prefix: str) -> PrivatePath:
    return PrivatePath(
        "fleet",
        PrivatePathArgs(
            prefix=prefix,
            region=REGION,
            subnet_ids=network.subnets,
            security_group_id=network.group,
            load_balancer_arn=balancer,
            load_balancer_dns_name="fleet.test",
            listener_port=PORT,
        ),
    )


def program(balancer: str, network: Network) -> Callable[[], None]:
    def run() -> None:
        path = private_path(balancer, network, "path-dev")
        pulumi.export("base_url", path.base_url)
        pulumi.export("invoke_arn", path.invoke_arn)

    return run


def relay_keys(cloud: Cloud, invoke_arn: str) -> Credentials:
    """Keys of the role that the gateway would make, by its name."""
    iam, name = cloud("iam"), "path-dev-relay"
    trust = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": invoke_arn}
    role = iam.create_role(RoleName=name, Path="/llmstrat/path-dev/", AssumeRolePolicyDocument=_document(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="least-privilege", PolicyDocument=_document(allow))
    keys = cloud("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="relay")["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_it_is_deployed_once_carries_a_stream_and_goes(bench: Bench, cloud: Cloud, target: Target) -> None:
    network = make_network(cloud, "path-dev")
    balancer, group = make_balancer(cloud, "path-dev", [target.port], network)
    stack, run = bench.stack(), program(balancer, network)
    made = stack.up(run).outputs
    assert urlsplit(made["base_url"]).path.endswith("/v1")
    api = PrivateApi(made["base_url"], cloud, "", "", balancer, group, {})

    connection, response = api.open("/chat/completions", keys=relay_keys(cloud, made["invoke_arn"]))
    assert (response.status, response.read1(1000)) == (200, FIRST)
    target.go_on.set()
    assert response.read() == LAST
    connection.close()
    assert api.call("/any/whole", keys=None)[1] == "MissingAuthenticationTokenException"

    assert stack.refresh() == {}
    assert stack.up(run).changed == {}
    stack.destroy()
    assert "path-dev-fleet" not in {link["Name"] for link in cloud("apigatewayv2").get_vpc_links()["Items"]}
    assert "path-dev-fleet" not in {api["name"] for api in cloud("apigateway").get_rest_apis()["items"]}


def gateway_program(balancer: str, network: Network) -> Callable[[], None]:
    def run() -> None:
        path = private_path(balancer, network, "whole-dev")
        permissions = [PermissionArgs(["execute-api:Invoke"], [path.invoke_arn])]
        args = GatewayArgs(
            prefix="whole-dev",
            region=REGION,
            owner="owner@example.com",
            consumers=[ConsumerArgs("web", ["own"], 10, 20)],
            models={"own": [RouteArgs("fleet", "llama", 0.0, 0.0)]},
            providers={"fleet": ProviderArgs("openai", "sigv4", path.base_url, permissions=permissions)},
            expires=None,
            log_retention_days=1,
        )
        gateway = Gateway("gateway", args)
        pulumi.export("base_url", gateway.base_url)
        pulumi.export("keys", pulumi.Output.unsecret(gateway.keys))

    return run


def test_a_stream_comes_piece_by_piece_through_gateway_relay_and_path(
    bench: Bench, cloud: Cloud, target: Target, emulator_url: str, tmp_path: Path
) -> None:
    network = make_network(cloud, "whole-dev")
    balancer, group = make_balancer(cloud, "whole-dev", [target.port], network)
    (tmp_path / "empty").touch()
    # The consumers' keys are a dynamic resource, which calls AWS by itself.
    stack = bench.stack(variables=aws_variables(emulator_url, tmp_path / "empty"))
    made = stack.up(gateway_program(balancer, network)).outputs
    url, headers = f"{made['base_url']}/chat/completions", {"authorization": f"Bearer {made['keys']['web']}"}
    request = {"model": "own", "messages": [], "stream": True}
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("POST", url, json=request, headers=headers, preload_content=False)
        assert (answer.status, answer.read1(1000)) == (200, FIRST)
        assert not target.go_on.is_set()
        target.go_on.set()
        assert answer.read() == LAST

        registered = [{"Id": "127.0.0.1", "Port": target.port}]
        cloud("elbv2").deregister_targets(TargetGroupArn=group, Targets=registered)
        refused = pool.request("POST", url, json=request, headers=headers)
        assert (refused.status, refused.json()["error"]["code"]) == (503, "model_unavailable")
    stack.destroy()
