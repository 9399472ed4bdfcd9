"""An integration's response transfer mode is kept and checked."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from rest_api import Api, make_api
from sandbox_kit import Clients, clients

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
FUNCTION = f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{ARN}"
STREAMING = f"{FUNCTION}/response-streaming-invocations"
BUFFERING = f"{FUNCTION}/invocations"


def put(api: Api, **integration: Any) -> Any:
    gateway = api.clients("apigateway")
    place = {"restApiId": api.id, "resourceId": api.root, "httpMethod": "POST"}
    gateway.put_method(**place, authorizationType="NONE")
    gateway.put_integration(**place, integrationHttpMethod="POST", **integration)
    return gateway.get_integration(**place)


@pytest.fixture
def api(emulator_url: str, aws: Clients) -> Api:
    return make_api(emulator_url, aws, "modes")


def test_upstream_still_drops_the_mode(plain_emulator_url: str) -> None:
    api = make_api(plain_emulator_url, clients(plain_emulator_url), "gap-mode")
    kept = put(api, type="AWS_PROXY", uri=STREAMING, responseTransferMode="STREAM")
    assert "responseTransferMode" not in kept, (
        "plain ministack now keeps responseTransferMode: compare, then delete the addition `transfer-mode`"
    )


def test_the_mode_and_a_long_timeout_read_back(api: Api) -> None:
    kept = put(api, type="AWS_PROXY", uri=STREAMING, responseTransferMode="STREAM", timeoutInMillis=900_000)
    assert (kept["responseTransferMode"], kept["timeoutInMillis"]) == ("STREAM", 900_000)


def test_buffered_is_the_default(api: Api) -> None:
    assert put(api, type="AWS_PROXY", uri=BUFFERING)["responseTransferMode"] == "BUFFERED"


def test_an_update_is_checked_and_keeps_numbers(api: Api) -> None:
    put(api, type="AWS_PROXY", uri=STREAMING, responseTransferMode="STREAM")
    place = {"restApiId": api.id, "resourceId": api.root, "httpMethod": "POST"}
    gateway = api.clients("apigateway")

    def update(path: str, value: str) -> Any:
        return gateway.update_integration(**place, patchOperations=[{"op": "replace", "path": path, "value": value}])

    assert update("/timeoutInMillis", "120000")["timeoutInMillis"] == 120_000
    with pytest.raises(ClientError, match="Timeout should be between"):
        update("/timeoutInMillis", "900001")
    with pytest.raises(ClientError, match="response-streaming-invocations"):
        update("/responseTransferMode", "BUFFERED")


@pytest.mark.parametrize(
    ("integration", "complaint"),
    [
        ({"type": "AWS", "uri": STREAMING, "responseTransferMode": "STREAM"}, "AWS_PROXY and HTTP_PROXY"),
        ({"type": "AWS_PROXY", "uri": BUFFERING, "responseTransferMode": "STREAM"}, "response-streaming-invocations"),
        ({"type": "AWS_PROXY", "uri": STREAMING}, "only with STREAM"),
        ({"type": "AWS_PROXY", "uri": BUFFERING, "timeoutInMillis": 29_001}, "29000 ms"),
    ],
)
def test_what_api_gateway_refuses_is_refused(api: Api, integration: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ClientError, match=complaint):
        put(api, **integration)
