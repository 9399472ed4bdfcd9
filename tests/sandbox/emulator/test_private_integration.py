"""A private integration: what the load balancer's target sees, and that a stream arrives piece by piece."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from private_api import FIRST, LAMBDA_KEYS, LAST, PORT, PrivateApi, Target, make_link, make_private_api, serving_target
from rest_api import make_api
from sandbox_kit import Clients, clients

from llmstrat_iac.relay.app import create_relay
from llmstrat_iac.relay.config import parse_config
from llmstrat_iac.relay.exchange import Request
from llmstrat_iac.relay.fields import Fields
from llmstrat_iac.sandbox.environment import REGION


@pytest.fixture
def target() -> Iterator[Target]:
    with serving_target() as running:
        yield running


@pytest.fixture
def api(emulator_url: str, aws: Clients, target: Target, request: pytest.FixtureRequest) -> PrivateApi:
    name = f"p{abs(hash(request.node.name)) % 10**8}"
    return make_private_api(emulator_url, aws, name, [target.port])


def test_upstream_still_forgets_the_target(plain_emulator_url: str) -> None:
    aws = clients(plain_emulator_url)
    api, gateway = make_api(plain_emulator_url, aws, "gap-private"), aws("apigateway")
    place = {"restApiId": api.id, "resourceId": api.root, "httpMethod": "POST"}
    gateway.put_method(**place, authorizationType="NONE")
    gateway.put_integration(
        **place, type="HTTP_PROXY", integrationHttpMethod="POST", uri="http://x", connectionType="VPC_LINK",
        connectionId="abc123", integrationTarget="arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/a",
    )  # fmt: skip
    assert "integrationTarget" not in gateway.get_integration(**place), (
        "plain ministack now keeps integrationTarget: compare, then delete the addition `private-integration`"
    )


def test_a_stream_arrives_before_it_ends(api: PrivateApi, target: Target) -> None:
    connection, response = api.open("/chat/completions")
    assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
    assert response.read1(1000) == FIRST
    assert not target.go_on.is_set(), "the first event is here while the target still holds the last one back"
    target.go_on.set()
    assert response.read() == LAST
    connection.close()


def test_the_target_sees_the_stage_the_path_and_the_uris_host(api: PrivateApi, target: Target) -> None:
    assert api.call("/any/whole", b'{"a":1}') == (201, "", {"path": "/v1/any/whole"})
    ((method, path, headers, body),) = target.seen
    assert (method, path, body) == ("POST", "/v1/any/whole", b'{"a":1}')
    assert headers["host"] == f"fleet.test:{PORT}"


def test_a_buffered_integration_answers_at_once(emulator_url: str, aws: Clients, target: Target) -> None:
    api = make_private_api(emulator_url, aws, "buffered", [target.port], mode="BUFFERED")
    target.go_on.set()
    connection, response = api.open("/chat/completions")
    assert response.headers["content-length"] == str(len(FIRST + LAST))
    assert response.read() == FIRST + LAST
    connection.close()


def test_a_group_without_instances_is_503(emulator_url: str, aws: Clients) -> None:
    assert make_private_api(emulator_url, aws, "empty-group", []).call("/chat/completions")[0] == 503


def test_a_link_that_is_gone_is_a_configuration_error(api: PrivateApi, aws: Clients) -> None:
    aws("apigatewayv2").delete_vpc_link(VpcLinkId=api.link)
    assert api.call("/chat/completions")[::2] == (500, {"message": "Internal server error"})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"connectionId": "absent"}, "Invalid VPC link"),
        ({"integrationTarget": ""}, "IntegrationTarget is required"),
        ({"type": "MOCK"}, "Only HTTP and HTTP_PROXY"),
    ],
)
def test_what_api_gateway_refuses_is_refused(
    emulator_url: str, aws: Clients, changes: dict[str, str], complaint: str
) -> None:
    api, gateway = make_api(emulator_url, aws, "refused-private"), aws("apigateway")
    place = {"restApiId": api.id, "resourceId": api.root, "httpMethod": "POST"}
    gateway.put_method(**place, authorizationType="NONE")
    integration = {
        "type": "HTTP_PROXY", "connectionType": "VPC_LINK", "connectionId": make_link(aws, "refused"),
        "integrationTarget": "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/a/1",
        "uri": "http://x", "integrationHttpMethod": "POST",
    }  # fmt: skip
    with pytest.raises(ClientError, match=complaint):
        gateway.put_integration(**place, **integration | changes)


def test_an_integration_reads_back_as_it_was_put(api: PrivateApi) -> None:
    kept = api.clients("apigateway").get_integration(**api.place)
    assert (kept["connectionType"], kept["connectionId"]) == ("VPC_LINK", api.link)
    assert (kept["integrationTarget"], kept["responseTransferMode"]) == (api.balancer, "STREAM")


def test_the_relay_gets_a_stream_through_it(api: PrivateApi, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "000000000000", "AWS_SECRET_ACCESS_KEY": "sandbox"}.items():
        monkeypatch.setenv(name, value)
    route = {"provider": "fleet", "model": "llama", "usd_per_mtok_input": 0, "usd_per_mtok_output": 0}
    document = {
        "version": 1,
        "stack": "demo-dev",
        "consumers": {"web": {"models": ["own"], "tokens_per_month": None}},
        "models": {"own": [route]},
        "providers": {"fleet": {"wire": "openai", "auth": "sigv4", "base_url": api.url, "region": REGION}},
    }
    config = parse_config(Fields(document, "relay.json"))
    relay = create_relay(config, credentials=lambda: LAMBDA_KEYS, write=lambda _line: None)
    body = json.dumps({"model": "own", "messages": [], "stream": True}).encode()
    answer = relay.handle(Request("POST", "/chat/completions", body, "web", "r1", time.monotonic() + 120))
    assert not isinstance(answer.body, bytes)
    assert next(answer.body).startswith(FIRST.strip())
    assert not target.go_on.is_set()
    target.go_on.set()
    assert b"".join(answer.body) == LAST
    assert json.loads(target.seen[0][3])["model"] == "llama"
