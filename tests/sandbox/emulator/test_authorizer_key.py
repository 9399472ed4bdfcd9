"""The consumer's key comes from the authorizer: plans, throttling, quotas and the event follow it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rest_api import BUFFERED, Api, archive, make_api
from sandbox_kit import Clients, clients

FORBIDDEN = (403, {"message": "Forbidden"})


def gateway_with_keys(url: str, made: Clients, name: str, *, source: str = "AUTHORIZER") -> Api:
    api = make_api(url, made, name, apiKeySource=source)
    api.add_authorizer()
    api.method("chat", api.function("fn", archive({"main.py": (BUFFERED, 0o644)})), stream=False, key=True)
    api.deploy()
    return api


@pytest.fixture(scope="module")
def api(emulator_url: str, aws: Clients) -> Iterator[Api]:
    return gateway_with_keys(emulator_url, aws, "keys")


def bearer(api: Api, token: str, **headers: str) -> tuple[int, Any]:
    answer = api.call("/chat", authorization=f"Bearer {token}", **headers)
    return answer.status, answer.json


def test_upstream_still_ignores_the_usage_identifier_key(plain_emulator_url: str) -> None:
    api = gateway_with_keys(plain_emulator_url, clients(plain_emulator_url), "gap-keys")
    api.add_plan("consumer-key-in-upstreams-plan")
    assert bearer(api, "consumer-key-in-upstreams-plan") == FORBIDDEN, (
        "plain ministack now takes the authorizer's key: compare, then delete the addition `authorizer-key`"
    )


def test_upstream_still_leaves_the_key_out_of_the_event(plain_emulator_url: str) -> None:
    api = gateway_with_keys(plain_emulator_url, clients(plain_emulator_url), "gap-header", source="HEADER")
    api.add_plan("consumer-key-sent-in-a-header")
    status, event = bearer(api, "any", x_api_key="consumer-key-sent-in-a-header")
    assert status == 200
    assert "apiKeyId" not in event["requestContext"]["identity"], (
        "plain ministack now tells the API key's id: compare, then delete the addition `request-identity`"
    )


def test_a_key_in_the_plan_is_let_in_and_named_in_the_event(api: Api) -> None:
    key_id = api.add_plan("consumer-web-0123456789")
    status, event = bearer(api, "consumer-web-0123456789")
    assert status == 200
    assert event["requestContext"]["identity"]["apiKeyId"] == key_id
    assert event["requestContext"]["identity"]["apiKey"] == "consumer-web-0123456789"
    assert event["requestContext"]["authorizer"] == {"principalId": "someone"}


def test_a_key_outside_the_plan_is_forbidden(api: Api) -> None:
    api.add_plan("consumer-outside-0123456789", enrol=False)
    assert bearer(api, "consumer-outside-0123456789") == FORBIDDEN
    assert bearer(api, "consumer-unknown-0123456789") == FORBIDDEN


def test_a_key_in_the_header_does_not_count(api: Api) -> None:
    api.add_plan("consumer-header-0123456789")
    assert bearer(api, "unknown", x_api_key="consumer-header-0123456789") == FORBIDDEN


def test_the_plan_throttles_its_key_after_the_burst(api: Api) -> None:
    api.add_plan("consumer-burst-0123456789", throttle={"rateLimit": 0.01, "burstLimit": 2})
    statuses = [bearer(api, "consumer-burst-0123456789")[0] for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_the_plan_counts_its_quota(api: Api) -> None:
    api.add_plan("consumer-quota-0123456789", quota={"limit": 1, "period": "MONTH"})
    statuses = [bearer(api, "consumer-quota-0123456789")[0] for _ in range(2)]
    assert statuses == [200, 429]


def test_the_authorizers_answer_is_cached_with_its_key(emulator_url: str, aws: Clients, tmp_path: Path) -> None:
    api = make_api(emulator_url, aws, "cached", apiKeySource="AUTHORIZER")
    api.add_authorizer(COUNTING_AUTHORIZER, LOG=str(tmp_path / "calls"))
    api.method("chat", api.function("fn", archive({"main.py": (BUFFERED, 0o644)})), stream=False, key=True)
    api.deploy()
    key_id = api.add_plan("consumer-cached-0123456789")
    ids = [bearer(api, "consumer-cached-0123456789")[1]["requestContext"]["identity"]["apiKeyId"] for _ in range(3)]
    assert ids == [key_id] * 3
    assert (tmp_path / "calls").read_text() == "called\n"


COUNTING_AUTHORIZER = """
import os

def handler(event, context):
    with open(os.environ["LOG"], "a") as log:
        log.write("called\\n")
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}
    return {
        "principalId": "someone",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "usageIdentifierKey": event["headers"]["authorization"].removeprefix("Bearer "),
    }
"""


def test_refusals_take_the_apis_own_bodies(emulator_url: str, aws: Clients) -> None:
    """Upstream does this: custom gateway responses in the OpenAI error shape."""
    api = make_api(emulator_url, aws, "bodies", apiKeySource="AUTHORIZER")
    api.add_authorizer()
    api.method("chat", api.function("fn", archive({"main.py": (BUFFERED, 0o644)})), stream=False, key=True)
    kinds = {"UNAUTHORIZED": "401", "INVALID_API_KEY": "403", "THROTTLED": "429", "QUOTA_EXCEEDED": "429"}
    for kind, status in kinds.items():
        template = '{"error":{"message":$context.error.messageString,"type":"KIND"}}'.replace("KIND", kind.lower())
        aws("apigateway").put_gateway_response(
            restApiId=api.id,
            responseType=kind,
            statusCode=status,
            responseTemplates={"application/json": template},
            responseParameters={"gatewayresponse.header.x-kind": f"'{kind}'"},
        )
    api.deploy()
    api.add_plan("consumer-bodies-0123456789", throttle={"rateLimit": 0.01, "burstLimit": 1})
    assert bearer(api, "refused") == (401, {"error": {"message": "Unauthorized", "type": "unauthorized"}})
    no_header = api.call("/chat")
    assert (no_header.status, no_header.headers["x-kind"]) == (401, "UNAUTHORIZED")
    assert bearer(api, "nobody") == (403, {"error": {"message": "Forbidden", "type": "invalid_api_key"}})
    assert bearer(api, "consumer-bodies-0123456789")[0] == 200
    throttled = {"error": {"message": "Too Many Requests", "type": "throttled"}}
    assert bearer(api, "consumer-bodies-0123456789") == (429, throttled)


def test_a_rest_api_is_available_at_once(api: Api) -> None:
    """Upstream does this; the provider waits for it."""
    assert json.dumps(api.clients("apigateway").get_rest_api(restApiId=api.id)["apiStatus"]) == '"AVAILABLE"'
