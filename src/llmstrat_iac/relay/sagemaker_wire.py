"""vLLM in a SageMaker endpoint: OpenAI's format inside InvokeEndpoint, whole or as an AWS event stream.

`/invocations` of the engine takes any of its requests and tells them apart by their shape. No key: the process's role
signs the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from .config import Provider
from .errors import UnsupportedError
from .exchange import Call, Endpoint, Meter, Stream
from .fleet_errors import invocation_error, stream_error
from .openai_reply import Events, whole_answer
from .openai_wire import request_body
from .signing import Credentials, Signer
from .vendor_http import VendorHttp, abort, broken_off, discard, read_pieces, read_whole

_SERVICE: Final = "sagemaker"
_WHOLE: Final = "/invocations"
_STREAMED: Final = "/invocations-response-stream"
_COMPONENT: Final = "x-amzn-sagemaker-inference-component"


class SageMakerWire:
    """One endpoint. `credentials` are what its requests are signed with."""

    def __init__(self, provider: Provider, credentials: Credentials) -> None:
        assert provider.base_url is not None, "config.py checks it"
        assert provider.region is not None, "config.py checks it"
        parts = urlsplit(provider.base_url)
        component = parse_qs(parts.query).get("inference-component")
        self._headers = {_COMPONENT: component[0]} if component else {}
        self._http = VendorHttp(parts._replace(query="").geturl(), Signer(_SERVICE, provider.region, credentials))

    def send(self, call: Call, model: str, meter: Meter) -> bytes | Stream:
        """Ask the endpoint."""
        if call.endpoint is Endpoint.RESPONSES:
            message = f"model `{call.alias}` doesn't serve /responses"
            raise UnsupportedError("unsupported_endpoint", message, param="model")
        path = _STREAMED if call.stream else _WHOLE
        response = self._http.post(path, request_body(call, model), deadline=call.deadline, headers=self._headers)
        if response.status >= 300:
            code = response.headers.get("x-amzn-errortype", "").partition(":")[0]
            raise invocation_error(response.status, code, read_whole(response))
        if not call.stream:
            return whole_answer(call, read_whole(response), meter, None)
        parts = payload_parts(read_pieces(response))
        events = Events(call, model, meter, None).pass_on(parts, lambda: discard(response))
        return Stream(events, lambda: abort(response))


def payload_parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What the container sent, out of an event stream cut anywhere; UpstreamError for an event that is a failure."""
    from botocore.eventstream import EventStreamBuffer, ParserError

    buffer = EventStreamBuffer()
    try:
        for piece in pieces:
            buffer.add_data(piece)
            for message in buffer:
                yield _payload(message)
    except ParserError:
        raise broken_off() from None


def _payload(message: Any) -> bytes:
    headers = message.headers
    if headers.get(":message-type") != "event":
        raise stream_error(str(headers.get(":exception-type") or headers.get(":error-code") or ""))
    payload: bytes = message.payload
    return payload if headers.get(":event-type") == "PayloadPart" else b""
