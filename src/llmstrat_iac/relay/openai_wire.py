"""Vendors that speak OpenAI's format: closed ones with a key, and the stack's own fleet with the role's signature.

The request is always written anew from the parsed JSON: passing the client's bytes on would let a repeated `model` key
mean one model here and another at the vendor.
"""

from __future__ import annotations

import json
from typing import Final

import urllib3

from .config import Provider
from .errors import UpstreamError, bad_request
from .exchange import CHATTING, Call, Meter, Stream
from .fleet_errors import fleet_error
from .google_access import GoogleTokens
from .openai_errors import vendor_error
from .openai_reply import Events, whole_answer
from .secrets import SecretStore
from .signing import Credentials, Signer
from .vendor_http import VendorHttp, abort, discard, read_pieces, read_whole

_GATEWAY_SERVICE: Final = "execute-api"
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode


class OpenAIWire:
    """One vendor. `credentials` are what a fleet's requests are signed with."""

    def __init__(self, provider: Provider, secrets: SecretStore, credentials: Credentials) -> None:
        assert provider.base_url is not None, "config.py checks it"
        signer = None
        if provider.auth == "sigv4":
            assert provider.region is not None, "config.py checks it"
            signer = Signer(_GATEWAY_SERVICE, provider.region, credentials)
        self._is_fleet = signer is not None
        self._http = VendorHttp(provider.base_url, signer)
        self._secret = provider.secret_arn if provider.auth in ("bearer", "google") else None
        self._tokens = GoogleTokens() if provider.auth == "google" else None
        self._secrets = secrets

    def send(self, call: Call, model: str, meter: Meter) -> bytes | Stream:
        """Ask the vendor; a refused key is read again once."""
        body = request_body(call, model)
        secret = self._secrets.get(self._secret) if self._secret else None
        key = self._key(secret)
        response = self._post(call, body, key)
        if response.status in (401, 403) and self._secret and secret:
            newer = self._secrets.refetch(self._secret, secret)
            if newer is not None:
                discard(response)
                key = self._key(newer)
                response = self._post(call, body, key)
        if response.status >= 300:
            raise self._refusal(response, key)
        if call.stream and "event-stream" in response.headers.get("content-type", ""):
            events = Events(call, model, meter, key).pass_on(read_pieces(response), lambda: discard(response))
            return Stream(events, lambda: abort(response))
        return whole_answer(call, read_whole(response), meter, key)

    def _key(self, secret: str | None) -> str | None:
        """What is sent: the secret itself, or the access token that it gets."""
        return secret if secret is None or self._tokens is None else self._tokens.get(secret)

    def _post(self, call: Call, body: bytes, key: str | None) -> urllib3.BaseHTTPResponse:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return self._http.post(call.endpoint.value, body, deadline=call.deadline, headers=headers)

    def _refusal(self, response: urllib3.BaseHTTPResponse, key: str | None) -> UpstreamError:
        body, retry_after = read_whole(response), response.headers.get("retry-after")
        if self._is_fleet:
            return fleet_error(response.status, body, retry_after)
        return vendor_error(response.status, body, retry_after, key)


def request_body(call: Call, model: str) -> bytes:
    """The client's request for the vendor's model, with the usage asked for."""
    document = {**call.document, "model": model}
    if call.stream and call.endpoint in CHATTING:
        document["stream_options"] = {**(document.get("stream_options") or {}), "include_usage": True}
    try:
        return _encode(document).encode()
    except ValueError:  # allow_nan
        raise bad_request("invalid_json", "NaN and Infinity are not JSON") from None
