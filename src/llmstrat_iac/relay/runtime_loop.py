"""The door for streaming on Lambda: an own loop over the Runtime API, started by `wrapper.sh` in place of Lambda's.

Lambda's Python runtime can't stream; the Runtime API can (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html).
A stream is a JSON prelude, eight NUL bytes, then the body. A failure after the first byte goes into HTTP trailers.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from http.client import HTTPConnection, HTTPException, HTTPMessage
from pathlib import Path
from typing import Any, Final

from .app import Relay
from .errors import ConfigError
from .exchange import Response
from .keepalive import PingedBody
from .lambda_handler import read_event, shared_relay

_API: Final = "/2018-06-01/runtime"
_STREAM_TYPE: Final = "application/vnd.awslambda.http-integration-response"
_DELIMITER: Final = b"\0" * 8
_ERROR_TYPE: Final = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY: Final = "Lambda-Runtime-Function-Error-Body"


class RuntimeApi:
    """Lambda's Runtime API at `host:port`."""

    def __init__(self, address: str) -> None:
        self._address = address

    def next(self) -> tuple[HTTPMessage, Any]:
        """Wait for an invocation; Lambda freezes the process meanwhile, so there is no time-out."""
        connection = HTTPConnection(self._address)
        try:
            connection.request("GET", f"{_API}/invocation/next")
            reply = connection.getresponse()
            body = reply.read()
        finally:
            connection.close()
        if reply.status != 200:
            raise HTTPException(f"the Runtime API answered {reply.status} to next")
        return reply.headers, json.loads(body)

    def stream(self, invocation: str, response: Response) -> None:
        """Send a response piece by piece. Lambda closing the connection means that the client is gone."""
        connection = HTTPConnection(self._address)
        body = response.body
        pieces = None if isinstance(body, bytes) else PingedBody(body, response.keepalive_seconds)
        try:
            self._start(connection, invocation)
            _send(connection, _prelude(response))
            trailer = _send_all(connection, [body] if isinstance(body, bytes) else pieces or ())
            connection.send(b"0\r\n" + trailer + b"\r\n")
            connection.getresponse().read()
        except (OSError, HTTPException) as error:
            _log(error)
        finally:
            if pieces is not None:
                pieces.close()
            connection.close()

    def fail(self, invocation: str, error: Exception) -> None:
        """Report a failure before the first byte."""
        self._report(f"/invocation/{invocation}/error", error)

    def fail_start(self, error: Exception) -> None:
        """Report that the process can't serve at all."""
        self._report("/init/error", error)

    def _start(self, connection: HTTPConnection, invocation: str) -> None:
        connection.putrequest("POST", f"{_API}/invocation/{invocation}/response")
        connection.putheader("Content-Type", _STREAM_TYPE)
        connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.putheader("Trailer", f"{_ERROR_TYPE}, {_ERROR_BODY}")
        connection.endheaders()

    def _report(self, path: str, error: Exception) -> None:
        connection = HTTPConnection(self._address)
        headers = {"Content-Type": "application/json", _ERROR_TYPE: _error_type(error)}
        try:
            connection.request("POST", _API + path, _error_json(error), headers)
            connection.getresponse().read()
        finally:
            connection.close()


def serve(api: RuntimeApi, relay: Relay, *, more: Callable[[], bool] = lambda: True) -> None:
    """Answer invocations one after the other, as long as there are `more`."""
    while more():
        headers, event = api.next()
        invocation = headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")  # where the X-Ray SDK looks for it
        try:
            response = relay.handle(read_event(event, _seconds_left(headers)))
        except Exception as error:
            _log(error)
            api.fail(invocation, error)
        else:
            api.stream(invocation, response)


def main() -> int:
    """Start and serve; Lambda starts a new process after an exit."""
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        relay = shared_relay()
    except Exception as error:
        _log(error)
        api.fail_start(error)
        return 1
    serve(api, relay)
    return 0


def _seconds_left(headers: HTTPMessage) -> float:
    return int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()


def _prelude(response: Response) -> bytes:
    """Sent at once, so that the client sees its status before the model speaks."""
    return json.dumps({"statusCode": response.status, "headers": dict(response.headers)}).encode() + _DELIMITER


def _send(connection: HTTPConnection, piece: bytes) -> None:
    if piece:  # an empty chunk would end the body
        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))


def _send_all(connection: HTTPConnection, pieces: Iterable[bytes]) -> bytes:
    """Send the pieces; returns the trailers, which are empty unless the core failed on the way."""
    iterator = iter(pieces)
    while True:
        try:
            piece = next(iterator, None)
        except Exception as error:
            _log(error)
            return _trailer(error)
        if piece is None:
            return b""
        _send(connection, piece)


def _error_type(error: Exception) -> str:
    return f"Relay.{type(error).__name__}"


def _error_json(error: Exception) -> bytes:
    """Only the type: an exception's text can hold what a client sent."""
    message = "the relay failed; its log has the trace"
    return json.dumps({"errorMessage": message, "errorType": _error_type(error), "stackTrace": []}).encode()


def _trailer(error: Exception) -> bytes:
    encoded = base64.b64encode(_error_json(error)).decode()
    return f"{_ERROR_TYPE}: {_error_type(error)}\r\n{_ERROR_BODY}: {encoded}\r\n".encode()


def _log(error: Exception) -> None:
    """Type and place; the text only of our own configuration errors, which name fields and never hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    entry = {
        "event": "relay_failure",
        "error": type(error).__name__,
        "message": str(error) if isinstance(error, ConfigError) else None,
        "place": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }
    sys.stderr.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    sys.exit(main())
