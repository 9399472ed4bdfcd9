"""Python functions with an exec wrapper stream through API Gateway, as they do on Lambda."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from rest_api import BUFFERED, Api, archive, make_api, streaming_code
from sandbox_kit import Clients, clients, eventually

WRAPPED = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper.sh"}}


def messages(aws: Clients, group: str) -> list[str]:
    try:
        found = aws("logs").filter_log_events(logGroupName=group)["events"]
    except ClientError:
        return []
    return [event["message"] for event in found]


def test_upstream_still_buffers_python_streams(plain_emulator_url: str) -> None:
    api = make_api(plain_emulator_url, clients(plain_emulator_url), "gap-stream")
    arn = api.function("fn", streaming_code(), Environment=WRAPPED)
    api.method("stream", arn, stream=True)
    api.deploy()
    assert api.call("/stream").status >= 500, (
        "plain ministack now streams Python functions: compare, then delete the addition `lambda-streaming`"
    )


def test_first_byte_arrives_before_the_last_is_made(streaming_api: Api, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    connection, response = streaming_api.open("/stream", {"kind": "gated", "gate": str(gate)})
    assert response.headers["content-type"] == "text/event-stream"
    assert response.read1() == b"data: first\n\n"
    gate.touch()
    assert response.read() == b"data: last\n\n"
    connection.close()


def test_prelude_becomes_status_headers_and_cookies(streaming_api: Api) -> None:
    answer = streaming_api.call("/stream", {"kind": "echo"})
    assert answer.status == 201
    assert answer.headers["x-from"] == "loop"
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert answer.json["event"]["requestContext"]["requestId"] == answer.headers["x-amzn-requestid"]
    assert answer.json["event"]["httpMethod"] == "POST"


def test_function_sees_lambdas_variables_and_its_own_only(streaming_api: Api) -> None:
    seen = streaming_api.call("/stream", {"kind": "echo"}).json["environment"]
    assert seen["OWN"] == "1"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "streaming-fn"
    assert seen["AWS_REGION"] == "us-east-1"
    assert seen["AWS_ENDPOINT_URL"] == streaming_api.url
    assert seen["AWS_ACCESS_KEY_ID"] == "000000000000"
    assert "HOME" not in seen
    assert "VIRTUAL_ENV" not in seen
    assert ".venv" not in seen["PYTHONPATH"]


def test_a_warm_process_is_used_again(streaming_api: Api) -> None:
    pids = {streaming_api.call("/stream").json["pid"] for _ in range(4)}
    assert len(pids) == 1


def test_concurrent_requests_take_several_processes(streaming_api: Api, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pair = [streaming_api.open("/stream", {"kind": "gated", "gate": str(gate)}) for _ in range(2)]
    assert [response.read1() for _, response in pair] == [b"data: first\n\n"] * 2
    gate.touch()
    assert [response.read() for _, response in pair] == [b"data: last\n\n"] * 2
    for connection, _ in pair:
        connection.close()


@pytest.mark.parametrize("kind", ["error", "exit", "no-prelude"])
def test_a_failing_function_is_a_bad_gateway(streaming_api: Api, kind: str) -> None:
    answer = streaming_api.call("/stream", {"kind": kind})
    assert (answer.status, answer.json) == (502, {"message": "Internal server error"})
    assert streaming_api.call("/stream").status == 201


def test_an_error_after_the_first_byte_breaks_the_transfer(streaming_api: Api) -> None:
    connection, response = streaming_api.open("/stream", {"kind": "break"})
    assert response.status == 200
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


def test_output_reaches_the_functions_log_group(streaming_api: Api, aws: Clients) -> None:
    answer = streaming_api.call("/stream", {"kind": "echo"})
    request_id = answer.headers["x-amzn-requestid"]
    wanted = {"kind": "echo", "request": request_id, "context": request_id}
    lines = eventually(
        lambda: [m for m in messages(aws, "/aws/lambda/streaming-fn") if request_id in m and "kind" in m]
    )
    assert [json.loads(line) for line in lines] == [wanted]


def test_a_logging_config_names_another_group(emulator_url: str, aws: Clients) -> None:
    aws("logs").create_log_group(logGroupName="/own/group")
    api = make_api(emulator_url, aws, "grouped")
    arn = api.function("fn", streaming_code(), Environment=WRAPPED, LoggingConfig={"LogGroup": "/own/group"})
    api.method("stream", arn, stream=True)
    api.deploy()
    request_id = api.call("/stream").headers["x-amzn-requestid"]
    assert eventually(lambda: [m for m in messages(aws, "/own/group") if request_id in m and "kind" in m])


def test_reserved_concurrency_zero_stops_the_function(emulator_url: str, aws: Clients) -> None:
    api = make_api(emulator_url, aws, "braked")
    api.method("stream", api.function("fn", streaming_code(), Environment=WRAPPED), stream=True)
    api.deploy()
    assert api.call("/stream").status == 201
    aws("lambda").put_function_concurrency(FunctionName="braked-fn", ReservedConcurrentExecutions=0)
    assert api.call("/stream").status == 500
    aws("lambda").delete_function_concurrency(FunctionName="braked-fn")
    assert api.call("/stream").status == 201


def test_a_changed_function_is_run_anew(emulator_url: str, aws: Clients) -> None:
    api = make_api(emulator_url, aws, "changed")
    api.method("stream", api.function("fn", streaming_code(), Environment=WRAPPED), stream=True)
    api.deploy()
    before = api.call("/stream").json
    changed = {"Variables": {**WRAPPED["Variables"], "ADDED": "yes"}}
    aws("lambda").update_function_configuration(FunctionName="changed-fn", Environment=changed)
    after = api.call("/stream").json
    assert after["pid"] != before["pid"]
    assert after["environment"]["ADDED"] == "yes"
    assert eventually(lambda: not Path(f"/proc/{before['pid']}/environ").exists()) if Path("/proc").exists() else True


def test_a_function_that_does_not_start_is_a_bad_gateway(emulator_url: str, aws: Clients) -> None:
    api = make_api(emulator_url, aws, "unstartable")
    broken = {"Variables": {**WRAPPED["Variables"], "FAIL_INIT": "1"}}
    api.method("stream", api.function("fn", streaming_code(), Environment=broken), stream=True)
    missing = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/absent.sh"}}
    api.method("absent", api.function("absent", streaming_code(), Environment=missing), stream=True)
    api.method("unwrapped", api.function("plain", archive({"main.py": (BUFFERED, 0o644)})), stream=True)
    api.deploy()
    assert [api.call(path).status for path in ("/stream", "/absent", "/unwrapped")] == [502, 502, 502]
    assert eventually(lambda: [m for m in messages(aws, "/aws/lambda/unstartable-fn") if "refusing to start" in m])


def test_a_buffered_invoke_runs_the_wrapper_too(streaming_api: Api, aws: Clients) -> None:
    event = {"body": "{}", "requestContext": {"requestId": "direct"}}
    answer = aws("lambda").invoke(FunctionName="streaming-fn", Payload=json.dumps(event))
    prelude, _, body = json.loads(answer["Payload"].read()).partition("\0" * 8)
    assert json.loads(prelude)["statusCode"] == 201
    assert json.loads(body)["event"] == event


def test_a_buffered_function_keeps_upstreams_executor(emulator_url: str, aws: Clients) -> None:
    api = make_api(emulator_url, aws, "buffered")
    api.method("plain", api.function("fn", archive({"main.py": (BUFFERED, 0o644)})), stream=False)
    api.deploy()
    answer = api.call("/plain", {"a": 1})
    assert json.loads(answer.json["body"]) == {"a": 1}
    assert answer.json["requestContext"]["requestId"] == answer.headers["x-amzn-requestid"]
