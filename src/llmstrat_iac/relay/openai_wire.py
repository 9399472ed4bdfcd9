"""Vendors that speak OpenAI's format: bytes pass through, only the model's name and the usage chunk are touched.

The request is always written anew from the parsed JSON: passing the client's bytes on would let a repeated `model` key
mean one model here and another at the vendor. In answers the name is replaced as bytes where that is exact: inside a
JSON string quotes are escaped, so `"model":"x"` can only be a member.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeout

from . import sse
from .config import Provider
from .errors import UpstreamError, bad_request, timed_out
from .exchange import Call, Endpoint, Meter, Stream
from .google_access import GoogleTokens
from .openai_errors import scrub, vendor_error
from .secrets import SecretStore
from .tokens import read_usage

CONNECT_SECONDS: Final = 5.0
_PIECE: Final = 64 * 1024
_POOL_SIZE: Final = 256
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_CHATTING: Final = (Endpoint.CHAT, Endpoint.COMPLETIONS)  # their streams end with `[DONE]` and can carry usage
_ERRORS: Final = (b'data: {"error"', b"event: error", b"event: response.failed")
_FINISHED: Final = re.compile(rb'"finish_reason":\s*"')
_COMPLETED: Final = re.compile(rb'"type":\s*"response\.(?:completed|incomplete|failed)"')


class OpenAIWire:
    """One vendor. Its connections are pooled for the life of the process."""

    def __init__(self, provider: Provider, secrets: SecretStore) -> None:
        assert provider.base_url is not None, "config.py checks it"
        self._pool = urllib3.connection_from_url(provider.base_url, maxsize=_POOL_SIZE, block=False)
        self._prefix = urlsplit(provider.base_url).path.rstrip("/")
        self._secret = None if provider.auth == "none" else provider.secret_arn
        self._tokens = GoogleTokens() if provider.auth == "google" else None
        self._secrets = secrets

    def send(self, call: Call, model: str, meter: Meter) -> bytes | Stream:
        """Ask the vendor; a refused key is read again once."""
        body = _request_body(call, model)
        secret = self._secrets.get(self._secret) if self._secret else None
        key = self._key(secret)
        response = self._post(call, body, key)
        if response.status in (401, 403) and self._secret and secret:
            newer = self._secrets.refetch(self._secret, secret)
            if newer is not None:
                _discard(response)
                key = self._key(newer)
                response = self._post(call, body, key)
        if response.status >= 300:
            raise vendor_error(response.status, _read_whole(response), response.headers.get("retry-after"), key)
        if call.stream and "event-stream" in response.headers.get("content-type", ""):
            events = _Events(call, model, meter, key).pass_on(response)
            return Stream(events, lambda: _abort(response))
        return _whole_answer(call, _read_whole(response), meter, key)

    def _key(self, secret: str | None) -> str | None:
        """What is sent: the secret itself, or the access token that it gets."""
        return secret if secret is None or self._tokens is None else self._tokens.get(secret)

    def _post(self, call: Call, body: bytes, key: str | None) -> urllib3.BaseHTTPResponse:
        headers = {
            "content-type": "application/json",
            "user-agent": "llmstrat-relay",
        }  # urllib3 asks for no compression
        if key:
            headers["authorization"] = f"Bearer {key}"
        left = call.deadline - time.monotonic()
        if left <= 0:
            raise timed_out()
        try:
            return self._pool.urlopen(
                "POST",
                self._prefix + call.endpoint.value,
                body,
                headers,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=left),
            )
        except (HTTPError, OSError) as error:
            raise _connection_error(error) from None


def _request_body(call: Call, model: str) -> bytes:
    document = {**call.document, "model": model}
    if call.stream and call.endpoint in _CHATTING:
        document["stream_options"] = {**(document.get("stream_options") or {}), "include_usage": True}
    try:
        return _encode(document).encode()
    except ValueError:  # allow_nan
        raise bad_request("invalid_json", "NaN and Infinity are not JSON") from None


def _connection_error(error: Exception) -> UpstreamError:
    if isinstance(error, HTTPTimeout) and not isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return timed_out()
    return UpstreamError(502, "upstream_unreachable", "the model's vendor can't be reached", elsewhere=True, again=True)


def _read_whole(response: urllib3.BaseHTTPResponse) -> bytes:
    try:
        return response.data
    except HTTPTimeout:
        raise timed_out() from None
    except (HTTPError, OSError):
        raise UpstreamError(502, "upstream_broken", "the model's vendor broke off its answer", elsewhere=True) from None


def _discard(response: urllib3.BaseHTTPResponse) -> None:
    response.close()
    response.release_conn()


def _abort(response: urllib3.BaseHTTPResponse) -> None:
    """End a read that another thread is blocked in: `close` would wait for it. `shutdown` came with urllib3 2.3."""
    shutdown = getattr(response, "shutdown", None)
    with suppress(ValueError, RuntimeError, OSError):  # the answer is complete and its connection is back in the pool
        if shutdown is not None:
            shutdown()
        else:
            sock = getattr(response.connection, "sock", None)
            if sock is not None:
                sock.shutdown(socket.SHUT_RD)


def _whole_answer(call: Call, body: bytes, meter: Meter, key: str | None) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UpstreamError(502, "upstream_broken", "the model's vendor sent no JSON object", elsewhere=True)
    meter.usage = read_usage(document)
    if meter.answer is not None:
        meter.heard(json.dumps(document.get("choices") or document.get("output"), ensure_ascii=False))
    name = document.get("model")
    if isinstance(name, str):
        renamed = _rename(body, name, call.alias)
        body = renamed or json.dumps({**document, "model": call.alias}).encode()
    return scrub(body, key)


def _rename(body: bytes, name: str, alias: str) -> bytes | None:
    """Replace the model's name where it stands exactly once, else None."""
    value = json.dumps(name).encode()
    for colon in (b'"model":', b'"model": '):
        if body.count(colon + value) == 1:
            return body.replace(colon + value, colon + json.dumps(alias).encode())
    return None


class _Events:
    """One stream's events on their way to the client."""

    def __init__(self, call: Call, model: str, meter: Meter, key: str | None) -> None:
        self._call = call
        self._meter = meter
        self._key = key.encode() if key else None
        self._alias = json.dumps(call.alias).encode()
        self._name = b'"model":' + json.dumps(model).encode()  # as the vendor writes it; learnt from the first event
        self._new_name = b'"model":' + self._alias
        self._chatting = call.endpoint in _CHATTING
        self._last_mark = _FINISHED if self._chatting else _COMPLETED
        self._ended = self._done = False

    def pass_on(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            for events in sse.split_events(_pieces(response)):
                kept = [event for event in map(self._event, events) if event]
                if kept:
                    yield b"\n\n".join(kept) + b"\n\n"
            yield from self._ending()
        except HTTPTimeout:
            raise timed_out() from None
        except (HTTPError, OSError, ValueError):
            raise _broken_off() from None
        finally:
            response.close()
            response.release_conn()

    def _ending(self) -> Iterator[bytes]:
        """A connection that was closed too early can look like an end; an unfinished answer must not."""
        if not self._ended:
            raise _broken_off()
        if self._chatting and not self._done:
            yield sse.DONE

    def _event(self, event: bytes) -> bytes | None:
        if self._key and self._key in event:
            event = scrub(event, self._key.decode())
        if event.startswith(b":") and b"\ndata:" not in event:
            return None  # a vendor's comment is no answer yet; the doors write their own
        if event.endswith(b"[DONE]"):
            self._ended = self._done = True
            return event
        if self._name in event:
            event = event.replace(self._name, self._new_name, 1)
        elif b'"model"' in event:
            event = self._learn_name(event)
        self._ended = self._ended or self._last_mark.search(event) is not None
        if b'"usage"' in event and b'"usage":null' not in event and not self._read_usage(event):
            return None
        if self._meter.answer is not None:
            self._meter.heard(_spoken(sse.event_data(event)))
        if event.startswith(_ERRORS):
            self._ended = True
            self._meter.error = "upstream_stream_error"
        return event

    def _learn_name(self, event: bytes) -> bytes:
        document = sse.event_data(event)
        holder = document.get("response", document) if isinstance(document, dict) else None
        name = holder.get("model") if isinstance(holder, dict) else None
        if not isinstance(name, str):
            return event
        value = json.dumps(name).encode()
        for colon in (b'"model":', b'"model": '):
            if colon + value in event:
                self._name, self._new_name = colon + value, colon + self._alias
                return event.replace(self._name, self._new_name, 1)
        return event

    def _read_usage(self, event: bytes) -> bool:
        """Note the usage; False for the chunk that exists only to carry it and that the client didn't ask for."""
        document = sse.event_data(event)
        if not isinstance(document, dict):
            return True
        holder = document.get("response")
        usage = read_usage(holder if isinstance(holder, dict) else document)
        if usage is None:
            return True
        self._meter.usage = usage
        return self._call.wants_usage or document.get("choices") != []


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterable[bytes]:
    """What has arrived, as soon as it has. urllib3 1.26, which some Lambda runtimes have, lacks `read1`."""
    if not hasattr(response, "read1"):
        return response.stream(_PIECE)
    return iter(lambda: response.read1(_PIECE), b"")


def _broken_off() -> UpstreamError:
    return UpstreamError(502, "upstream_broken", "the model's vendor broke off its answer", elsewhere=True)


def _spoken(document: Any) -> str:
    """The text that a chunk adds, for the log of answers."""
    if not isinstance(document, dict):
        return ""
    if document.get("type") == "response.output_text.delta":
        return str(document.get("delta", ""))
    choices = document.get("choices") or [{}]
    choice = choices[0] if isinstance(choices[0], dict) else {}
    delta = choice.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else choice.get("text")
    return text if isinstance(text, str) else ""
