"""A service account's key becomes an access token: signed as RFC 8017 says, fetched once an hour, never shown."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import pytest
from relay_kit import config, desk, read
from relay_vendor import Vendor, completion, serving, whole

from llmstrat_iac.relay.google_access import GoogleTokens, sign

# Two Mersenne primes: a key that anybody can have, and no tool takes for a secret.
P, Q, E = 2**521 - 1, 2**607 - 1, 65537
D = pow(E, -1, (P - 1) * (Q - 1))


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8])
    return bytes([tag]) + length + (b"" if size < 128 else size.to_bytes((size.bit_length() + 7) // 8, "big")) + content


def integers(*values: int) -> bytes:
    return der(0x30, b"".join(der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big")) for value in values))


def pem(content: bytes, name: str) -> str:
    text = base64.b64encode(content).decode()
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----\n"


PKCS1 = integers(0, P * Q, E, D, P, Q, D % (P - 1), D % (Q - 1), pow(Q, -1, P))
PKCS8 = der(0x30, der(0x02, b"\x00") + der(0x30, der(0x06, b"\x2a") + der(0x05, b"")) + der(0x04, PKCS1))


def opened(signature: bytes) -> bytes:
    """What was signed, padding and all."""
    size = ((P * Q).bit_length() + 7) // 8
    return pow(int.from_bytes(signature, "big"), E, P * Q).to_bytes(size, "big")


@pytest.mark.parametrize(("content", "name"), [(PKCS8, "PRIVATE KEY"), (PKCS1, "RSA PRIVATE KEY")])
def test_signature_opens_with_the_public_key(content: bytes, name: str) -> None:
    padded = opened(sign(b"an assertion", pem(content, name)))
    assert padded.startswith(b"\x00\x01\xff\xff")
    assert padded.endswith(b"\x04\x20" + hashlib.sha256(b"an assertion").digest())


class TokenHandler(BaseHTTPRequestHandler):
    asked: list[dict[str, list[str]]]

    def do_POST(self) -> None:
        self.asked.append(parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()))
        body = json.dumps({"access_token": f"token-{len(self.asked)}", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def account() -> Iterator[dict[str, Any]]:
    TokenHandler.asked = []
    with serving(TokenHandler) as url:
        yield {"client_email": "robot@example.com", "token_uri": url, "private_key": pem(PKCS8, "PRIVATE KEY")}


def test_token_is_kept_until_shortly_before_it_ends(account: dict[str, Any]) -> None:
    now = [1_000_000.0]
    tokens = GoogleTokens(lambda: now[0])
    secret = json.dumps(account)
    assert [tokens.get(secret), tokens.get(secret)] == ["token-1", "token-1"]
    now[0] += 3500
    assert tokens.get(secret) == "token-2"
    claims = json.loads(base64.urlsafe_b64decode(TokenHandler.asked[0]["assertion"][0].split(".")[1] + "=="))
    assert (claims["iss"], claims["exp"] - claims["iat"]) == ("robot@example.com", 3600)


def test_relay_sends_the_token_and_not_the_key(vendor: Vendor, account: dict[str, Any]) -> None:
    vendor.will(whole(completion()))
    provider = {
        "wire": "openai",
        "base_url": vendor.url,
        "auth": "google",
        "secret_arn": "arn:aws:secretsmanager:r:1:s:k",
    }
    response = desk(config(providers={"openai": provider}), keys=[json.dumps(account)]).chat()
    assert read(response)["model"] == "gpt-main"
    assert vendor.received[0].headers["authorization"] == "Bearer token-1"


def test_an_access_token_is_sent_as_it_is(vendor: Vendor) -> None:
    vendor.will(whole(completion()))
    provider = {
        "wire": "openai",
        "base_url": vendor.url,
        "auth": "google",
        "secret_arn": "arn:aws:secretsmanager:r:1:s:k",
    }
    desk(config(providers={"openai": provider}), keys=["an-access-token"]).chat()
    assert vendor.received[0].headers["authorization"] == "Bearer an-access-token"


def test_google_that_refuses_is_the_vendors_fault(vendor: Vendor, account: dict[str, Any]) -> None:
    broken = account | {"token_uri": "http://127.0.0.1:9/token"}
    provider = {
        "wire": "openai",
        "base_url": vendor.url,
        "auth": "google",
        "secret_arn": "arn:aws:secretsmanager:r:1:s:k",
    }
    response = desk(config(providers={"openai": provider}), keys=[json.dumps(broken)]).chat()
    assert response.status == 502
    assert read(response)["error"]["code"] == "provider_key_unavailable"
