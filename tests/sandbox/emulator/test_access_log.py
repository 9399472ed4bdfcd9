"""A stage's access log: one line for each request, in the stage's format."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from rest_api import BUFFERED, Api, archive, make_api, streaming_code
from sandbox_kit import Clients, clients, eventually

VARIABLES = (
    "requestId",
    "status",
    "httpMethod",
    "resourcePath",
    "responseLength",
    "identity.apiKeyId",
    "authorizer.principalId",
    "error.responseType",
    "integration.responseTransferMode",
    "integration.timeToFirstContent",
    "unknown.variable",
)
FORMAT = json.dumps({name: f"$context.{name}" for name in VARIABLES})


def logged_api(url: str, made: Clients, name: str) -> Api:
    made("logs").create_log_group(logGroupName=f"/access/{name}")
    api = make_api(url, made, name, apiKeySource="AUTHORIZER")
    api.add_authorizer()
    wrapper = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper.sh"}}
    api.method("stream", api.function("streamed", streaming_code(), Environment=wrapper), stream=True, key=True)
    api.method("plain", api.function("plain", archive({"main.py": (BUFFERED, 0o644)})), stream=False, key=True)
    api.deploy()
    destination = f"arn:aws:logs:us-east-1:000000000000:log-group:/access/{name}"
    made("apigateway").update_stage(
        restApiId=api.id,
        stageName=api.stage,
        patchOperations=[
            {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": destination},
            {"op": "replace", "path": "/accessLogSettings/format", "value": FORMAT},
        ],
    )
    return api


def lines(made: Clients, name: str) -> list[dict[str, Any]]:
    try:
        events = made("logs").filter_log_events(logGroupName=f"/access/{name}")["events"]
    except ClientError:
        return []
    return [json.loads(event["message"]) for event in events]


def test_upstream_still_writes_no_access_log(plain_emulator_url: str) -> None:
    made = clients(plain_emulator_url)
    logged_api(plain_emulator_url, made, "gap-log").call("/plain", authorization="Bearer nobody")
    assert lines(made, "gap-log") == [], (
        "plain ministack now writes access logs: compare, then delete the addition `access-log`"
    )


def test_each_request_is_one_line(emulator_url: str, aws: Clients) -> None:
    api = logged_api(emulator_url, aws, "logged")
    key_id = api.add_plan("consumer-logged-0123456789")
    caller = {"authorization": "Bearer consumer-logged-0123456789"}
    streamed = api.call("/stream", {"kind": "echo"}, **caller)
    buffered = api.call("/plain", **caller)
    refused = api.call("/plain", authorization="Bearer nobody")
    found = eventually(lambda: len(lines(aws, "logged")) == 3 and lines(aws, "logged"))
    stream_line, plain_line, refused_line = found
    assert stream_line["integration.timeToFirstContent"] != "-"
    assert {**stream_line, "integration.timeToFirstContent": "0"} == {
        "requestId": streamed.headers["x-amzn-requestid"],
        "status": "201",
        "httpMethod": "POST",
        "resourcePath": "/stream",
        "responseLength": str(len(streamed.body)),
        "identity.apiKeyId": key_id,
        "authorizer.principalId": "someone",
        "error.responseType": "-",
        "integration.responseTransferMode": "STREAMED",
        "integration.timeToFirstContent": "0",
        "unknown.variable": "-",
    }
    assert (plain_line["integration.responseTransferMode"], plain_line["status"]) == ("BUFFERED", "200")
    assert plain_line["requestId"] == buffered.headers["x-amzn-requestid"]
    assert (refused_line["status"], refused_line["error.responseType"]) == ("403", "INVALID_API_KEY")
    assert refused_line["requestId"] == refused.headers["x-amzn-requestid"]


def test_no_log_group_no_line_and_no_harm(emulator_url: str, aws: Clients) -> None:
    api = logged_api(emulator_url, aws, "vanished")
    api.add_plan("consumer-vanished-0123456789")
    aws("logs").delete_log_group(logGroupName="/access/vanished")
    assert api.call("/plain", authorization="Bearer consumer-vanished-0123456789").status == 200
