"""Amazon Bedrock's Converse API behind OpenAI's chat format. No key: the process's AWS role signs the calls.

Only chat completions: Converse has no embeddings, and its answers don't fit the other endpoints.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from .aws import make_client
from .config import Provider
from .converse_reply import chunks, completion
from .converse_request import converse_request
from .errors import UnsupportedError, UpstreamError, timed_out
from .exchange import Call, Endpoint, Meter, Stream

_READ_SECONDS: Final = 290.0  # silence, not the whole answer; a stream through API Gateway may be silent for 300
# Codes whose HTTP status says less than they mean: 424 and 408 are the vendor's faults, not the client's.
_VENDOR_FAULTS: Final = (
    "ModelErrorException",
    "ModelTimeoutException",
    "ModelStreamErrorException",
    "ModelNotReadyException",
)


class BedrockWire:
    """`client` makes or returns the bedrock-runtime client; None for the shared one."""

    def __init__(self, provider: Provider, client: Callable[[], Any] | None = None) -> None:
        self._client = client or (lambda: _shared_client(provider))

    def send(self, call: Call, model: str, meter: Meter) -> bytes | Stream:
        """Ask Bedrock; botocore doesn't retry, because the relay's own fallbacks do."""
        if call.endpoint is not Endpoint.CHAT:
            raise UnsupportedError(
                "unsupported_endpoint", f"model `{call.alias}` serves /chat/completions only", param="model"
            )
        request = converse_request(call.document, model)
        if call.deadline <= time.monotonic():
            raise timed_out()
        try:
            client = self._client()
            if not call.stream:
                return completion(call, client.converse(**request), meter)
            reply = client.converse_stream(**request)
        except Exception as error:
            raise _translate(error) from None
        stopped = threading.Event()
        return Stream(_events(call, reply["stream"], meter, stopped), stopped.set)


def _shared_client(provider: Provider) -> Any:
    return make_client(
        "bedrock-runtime", provider.region, endpoint=provider.base_url, read_seconds=_READ_SECONDS, attempts=1
    )


def _events(call: Call, stream: Any, meter: Meter, stopped: threading.Event) -> Iterator[bytes]:
    """botocore's stream can't be closed while another thread reads it, so `stopped` is seen at the next event."""
    try:
        for chunk in chunks(call, stream, meter):
            if stopped.is_set():
                return
            if call.deadline <= time.monotonic():
                raise timed_out()
            yield chunk
    except UpstreamError:
        raise
    except Exception as error:
        raise _translate(error) from None
    finally:
        stream.close()


def _translate(error: Exception) -> UpstreamError:
    """botocore's errors in one table; anything unknown is a bug and is raised as it is."""
    from botocore import exceptions

    if isinstance(error, UpstreamError):
        return error
    if isinstance(error, exceptions.ClientError):
        return _service_error(error.response)
    if isinstance(error, exceptions.ParamValidationError):
        return UpstreamError(400, "invalid_request", "the request has a field of the wrong type or size")
    if isinstance(error, exceptions.ReadTimeoutError):
        return timed_out()
    if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError)):
        return UpstreamError(502, "upstream_unreachable", "Bedrock can't be reached", elsewhere=True, again=True)
    if isinstance(error, exceptions.BotoCoreError):
        return UpstreamError(
            502, "upstream_unauthorized", f"the gateway can't call Bedrock ({type(error).__name__})", elsewhere=True
        )
    raise error


def _service_error(response: dict[str, Any]) -> UpstreamError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    name = code.lower()
    if status == 429 or "throttling" in name:
        return UpstreamError(
            429, "rate_limit_exceeded", "Bedrock is limiting this gateway", kind="rate_limit_error", elsewhere=True
        )
    if status in (401, 403):
        return UpstreamError(
            502, "upstream_unauthorized", "Bedrock refused the gateway's role for this model", elsewhere=True
        )
    if "serviceunavailable" in name or status == 503:
        return UpstreamError(503, "upstream_overloaded", "Bedrock is overloaded", elsewhere=True, again=True)
    if "validation" in name or (400 <= status < 500 and code not in _VENDOR_FAULTS):
        message = str(response.get("Error", {}).get("Message", ""))[:2000] or f"Bedrock answered {status}"
        return UpstreamError(status if status < 500 else 400, code or None, message, kind="invalid_request_error")
    return UpstreamError(502, "upstream_error", f"Bedrock answered {code or status}", elsewhere=True)
