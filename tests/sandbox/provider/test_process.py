"""The provider as a process, and its two emulator additions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc
from sandbox_kit import Clients, clients

from llmstrat_iac.sandbox.emulator.additions.gateway_updates import apply_operation
from llmstrat_iac.sandbox.provider.values import decode, encode

COMMAND = [sys.executable, "-m", "llmstrat_iac.sandbox.provider"]


def environment(endpoint: str) -> dict[str, str]:
    rest = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**rest, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1"}


@pytest.mark.parametrize("endpoint", ["", "https://s3.amazonaws.com", "http://192.168.0.1:4566"])
def test_it_refuses_to_start_off_loopback(endpoint: str) -> None:
    run = subprocess.run(COMMAND, env=environment(endpoint), capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 1
    assert "isn't a loopback URL" in run.stderr
    assert run.stdout == ""


def test_it_tells_its_port_and_stops_on_sigterm() -> None:
    with subprocess.Popen(COMMAND, env=environment("http://127.0.0.1:9"), stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        port = json.loads(running.stdout.readline())["port"]
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            shake = stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
            assert shake.accept_secrets
            configured = provider_pb2.ConfigureRequest(args=encode({"region": "us-east-1"}), acceptSecrets=True)
            assert stub.Configure(configured).supportsPreview
            with pytest.raises(grpc.RpcError) as caught:
                stub.Create(create_role())
        assert "doesn't answer; start it again" in caught.value.details()
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0


def create_role() -> Any:
    properties = encode({"name": "r", "assumeRolePolicy": "{}", "tagsAll": {}})
    return provider_pb2.CreateRequest(urn="urn:pulumi:s::p::aws:iam/role:Role::r", properties=properties)


def test_a_connection_that_was_never_configured_is_told_so(provider_port: int) -> None:
    with (
        grpc.insecure_channel(f"127.0.0.1:{provider_port}") as one,
        grpc.insecure_channel(f"127.0.0.1:{provider_port}", options=[("grpc.use_local_subchannel_pool", 1)]) as two,
    ):
        stub, other = provider_pb2_grpc.ResourceProviderStub(one), provider_pb2_grpc.ResourceProviderStub(two)
        for region in ("us-east-1", "eu-west-1"):
            stub.Configure(provider_pb2.ConfigureRequest(args=encode({"region": region})))
            other.Configure(provider_pb2.ConfigureRequest(args=encode({"region": "eu-west-1"})))
        stub.Configure(provider_pb2.ConfigureRequest(args=encode({"region": "us-east-1"})))
        news = encode({"displayName": "x"})
        check = provider_pb2.CheckRequest(urn="urn:pulumi:s::p::aws:sns/topic:Topic::t", news=news)
        assert decode(stub.Check(check).inputs)["region"] == "us-east-1"
        assert decode(other.Check(check).inputs)["region"] == "eu-west-1"
        with (
            grpc.insecure_channel(
                f"127.0.0.1:{provider_port}", options=[("grpc.use_local_subchannel_pool", 1)]
            ) as stranger,
            pytest.raises(grpc.RpcError) as caught,
        ):
            provider_pb2_grpc.ResourceProviderStub(stranger).Check(check)
    assert "isn't configured on this connection" in caught.value.details()


@pytest.mark.parametrize(
    ("thing", "operation", "expected"),
    [
        ({"enabled": True}, ("replace", "/enabled", "false"), {"enabled": False}),
        ({"t": {}}, ("add", "/t/application~1json", "{}"), {"t": {"application/json": "{}"}}),
        ({"throttle": {}}, ("replace", "/throttle/rateLimit", "2.5"), {"throttle": {"rateLimit": 2.5}}),
        ({"binaryMediaTypes": ["a/b"]}, ("add", "/binaryMediaTypes/c~1d", None), {"binaryMediaTypes": ["a/b", "c/d"]}),
        ({"binaryMediaTypes": ["a/b"]}, ("remove", "/binaryMediaTypes/a~1b", None), {"binaryMediaTypes": []}),
        ({"e": {"types": ["EDGE"]}}, ("replace", "/e/types/0", "REGIONAL"), {"e": {"types": ["REGIONAL"]}}),
        ({"quota": {"limit": 1}}, ("remove", "/quota", None), {}),
        ({}, ("add", "/apiStages", "a:s"), {"apiStages": [{"apiId": "a", "stage": "s"}]}),
        ({"apiStages": [{"apiId": "a", "stage": "s"}]}, ("remove", "/apiStages", "a:s"), {"apiStages": []}),
        (
            {"apiStages": [{"apiId": "a", "stage": "s"}]},
            ("replace", "/apiStages/a:s/throttle/~1x~1GET/burstLimit", "5"),
            {"apiStages": [{"apiId": "a", "stage": "s", "throttle": {"/x/GET": {"burstLimit": 5}}}]},
        ),
        (
            {"authorizationType": "NONE", "requestParameters": {}},
            ("add", "/requestParameters/method.request.header.A", "true"),
            {"authorizationType": "NONE", "requestParameters": {"method.request.header.A": True}},
        ),
    ],
)
def test_a_patch_operation(thing: dict[str, Any], operation: tuple[str, str, str | None], expected: Any) -> None:
    action, path, value = operation
    apply_operation(thing, {"op": action, "path": path, "value": value})
    assert thing == expected


@pytest.fixture
def plain(plain_emulator_url: str) -> Clients:
    return clients(plain_emulator_url)


def test_upstream_still_patches_text_only(plain: Clients) -> None:
    gateway = plain("apigateway")
    api = gateway.create_rest_api(name="gap")["id"]
    stage = {"restApiId": api, "stageName": "v1"}
    gateway.create_stage(**stage, deploymentId=gateway.create_deployment(restApiId=api)["id"], variables={"a/b": "1"})
    change = [{"op": "replace", "path": "/variables/a~1b", "value": "2"}]
    assert gateway.update_stage(**stage, patchOperations=change)["variables"] != {"a/b": "2"}, (
        "plain ministack now reads JSON pointers: compare, then delete the addition `typed-patches`"
    )


def test_upstream_still_keeps_changed_tags_apart(plain: Clients) -> None:
    gateway = plain("apigateway")
    api = gateway.create_rest_api(name="gap", tags={"a": "b"})["id"]
    gateway.tag_resource(resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{api}", tags={"a": "c"})
    assert gateway.get_rest_api(restApiId=api)["tags"] == {"a": "b"}, (
        "plain ministack's GetRestApi now shows changed tags: compare, then delete the addition `gateway-tags`"
    )
