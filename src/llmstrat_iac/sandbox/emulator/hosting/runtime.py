"""SageMaker Runtime: InvokeEndpoint and InvokeEndpointWithResponseStream, forwarded to the endpoint's server.

Both go to the container's `/invocations`. A stream is framed as PayloadPart events, piece by piece as the server sends;
what it answers badly is a ModelError with the original status and text.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from llmstrat_iac.sandbox.emulator.hosting.endpoints import settled
from llmstrat_iac.sandbox.emulator.hosting.engines import ENGINES, container_of, port_when_ready
from llmstrat_iac.sandbox.emulator.hosting.forwarding import Answer, BrokenAnswerError, post
from llmstrat_iac.sandbox.emulator.hosting.store import HOSTING, Endpoint, Variant
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import arn
from llmstrat_iac.sandbox.fleet.process import EngineProcess
from llmstrat_iac.sandbox.vendor.event_stream import encode_message

_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|invocations-response-stream)")
_COMPONENT = "x-amzn-sagemaker-inference-component"
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
# In small letters: upstream writes the control plane's type over one in its own spelling.
_CONTENT_TYPE = "content-type"
# What SageMaker gives a model to answer in.
_ANSWER_SECONDS = 60.0
_LONGEST_ORIGINAL = 4096


def is_invocation(path: str) -> bool:
    """Whether a request to the service is one of the runtime's."""
    return _PATH.fullmatch(path) is not None


async def handle_request(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
    """Answer an invocation."""
    matched = _PATH.fullmatch(path)
    assert matched is not None
    try:
        endpoint, variant = _target(unquote(matched.group(1)), headers)
        answer = await _forward(endpoint, variant, headers, body)
        if matched.group(2) == "invocations":
            content = await _whole(answer, endpoint)
            return 200, _headers(answer, variant, _CONTENT_TYPE), content
        return 200, _stream_headers(answer, variant), _stream(answer)
    except ApiError as error:
        return _refusal(error.status, error.code, {"Message": error.message})
    except _ModelFault as fault:
        return _refusal(424, "ModelError", fault.members)


class _ModelFault(Exception):
    def __init__(self, endpoint: Endpoint, status: int, text: str) -> None:
        super().__init__(text)
        group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
        self.members = {
            "Message": f'Received server error ({status}) from primary with message "{text}". See {group} for details.',
            "OriginalStatusCode": status,
            "OriginalMessage": text[:_LONGEST_ORIGINAL],
            "LogStreamArn": arn(f"endpoint/{endpoint.name}").replace(":sagemaker:", ":logs:"),
        }


def _target(name: str, headers: Mapping[str, str]) -> tuple[Endpoint, Variant]:
    account = arn("").split(":")[4]
    if name not in HOSTING.endpoints:
        raise ApiError("ValidationError", f"Endpoint {name} of account {account} not found.")
    endpoint = settled(name)
    if not endpoint.answers:
        raise ApiError("ValidationError", f"Endpoint {name} of account {account} is {endpoint.status}.")
    variant = endpoint.serving[0]
    if not variant.asked.get("ModelName"):
        _check_component(endpoint, headers.get(_COMPONENT))
    elif variant.instances < 1:
        raise ApiError("ServiceUnavailable", f"Endpoint {name} has no instances.", 503)
    return endpoint, variant


def _check_component(endpoint: Endpoint, name: str | None) -> None:
    if not name:
        message = "Inference Component Name header is required for endpoints to which you plan to deploy components."
        raise ApiError("ValidationError", message)
    component = HOSTING.components.get(name)
    if component is None or component.endpoint != endpoint.name:
        raise ApiError("ValidationError", f"Inference Component {name} not found on endpoint {endpoint.name}.")
    if component.ready < 1:
        message = "Inference Component has no capacity to process this request. Autoscaling may be in progress."
        raise ApiError("ValidationError", message)


async def _forward(endpoint: Endpoint, variant: Variant, headers: Mapping[str, str], body: bytes) -> Answer:
    passed = {"Content-Type": headers.get("content-type") or "application/json"}
    if headers.get(_ATTRIBUTES.lower()):
        passed[_ATTRIBUTES] = headers[_ATTRIBUTES.lower()]
    engine = _engine(endpoint, variant, headers.get(_COMPONENT))
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            answer = await post(await port_when_ready(engine), "/invocations", body, passed)
    except (BrokenAnswerError, OSError) as error:
        raise _ModelFault(endpoint, 500, str(error)) from error
    except TimeoutError as error:
        raise _ModelFault(endpoint, 0, "Invocation timed out while waiting for a response from container.") from error
    if answer.status >= 300:
        raise _ModelFault(endpoint, answer.status, (await answer.body()).decode("utf-8", "replace"))
    return answer


def _engine(endpoint: Endpoint, variant: Variant, name: str | None) -> EngineProcess:
    """The server of the variant's model, or of the component that the call names."""
    if variant.asked.get("ModelName"):
        owner, asked = endpoint, variant.asked
    else:
        component = HOSTING.components[name or ""]
        base = (component.asked.get("Specification") or {}).get("BaseInferenceComponentName")
        owner = HOSTING.components[base] if base else component
        asked = owner.asked.get("Specification") or {}
    container = container_of(asked)
    if container is None:
        # Deleted under the endpoint. On AWS its instances serve on; here they may have to be started anew.
        raise _ModelFault(endpoint, 500, f"the model {asked['ModelName']} has been deleted")
    return ENGINES.keep(owner, container)


async def _whole(answer: Answer, endpoint: Endpoint) -> bytes:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await answer.body()
    except BrokenAnswerError as error:
        raise _ModelFault(endpoint, 500, str(error)) from error
    except TimeoutError as error:
        raise _ModelFault(endpoint, 0, "Invocation timed out while waiting for a response from container.") from error


def _headers(answer: Answer, variant: Variant, content_type: str) -> dict[str, str]:
    headers = {content_type: answer.headers.get("content-type", ""), "x-Amzn-Invoked-Production-Variant": variant.name}
    if _ATTRIBUTES.lower() in answer.headers:
        headers[_ATTRIBUTES] = answer.headers[_ATTRIBUTES.lower()]
    return headers


def _stream_headers(answer: Answer, variant: Variant) -> dict[str, str]:
    kept = _headers(answer, variant, "X-Amzn-SageMaker-Content-Type")
    return {**kept, _CONTENT_TYPE: "application/vnd.amazon.eventstream"}


def _stream(answer: Answer) -> Any:
    from ministack.core.responses import StreamingResponse

    async def run(send: Any, _receive: Any) -> None:
        try:
            async for piece in answer.pieces():
                event = {":event-type": "PayloadPart", ":content-type": "application/octet-stream"}
                await _send(send, encode_message({**event, ":message-type": "event"}, piece))
        except BrokenAnswerError as error:
            kind = {":exception-type": "ModelStreamError", ":content-type": "application/json"}
            members = {"Message": f"The model's stream broke off: {error}", "ErrorCode": "StreamBroken"}
            await _send(send, encode_message({**kind, ":message-type": "exception"}, json.dumps(members).encode()))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return StreamingResponse(run)


async def _send(send: Any, message: bytes) -> None:
    await send({"type": "http.response.body", "body": message, "more_body": True})


def _refusal(status: int, code: str, members: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    headers = {_CONTENT_TYPE: "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps(members).encode()
