"""Access tokens for Google Cloud: a service account's key signs an assertion, Google answers with a token for an hour.

RFC 7523 and RFC 8017 (RSASSA-PKCS1-v1_5 with SHA-256) on the standard library alone, because Lambda's runtime has no
cryptography package. A secret that isn't a service account's key is taken for an access token itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from .errors import UpstreamError

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME: Final = 3600
_MARGIN: Final = 120.0  # seconds before its end at which a token is replaced
_SHA256_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=10)


class GoogleTokens:
    """Tokens by secret, each until shortly before it ends. Safe for threads."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[str, float]] = {}

    def get(self, secret: str) -> str:
        """The access token for a service account's JSON key; any other secret is returned as it is."""
        account = service_account(secret)
        if account is None:
            return secret
        name = hashlib.sha256(secret.encode()).hexdigest()
        with self._lock:
            token, good_until = self._kept.get(name, ("", 0.0))
            if self._now() < good_until:
                return token
            token, seconds = _exchange(account, assertion(account, int(self._now())))
            self._kept[name] = token, self._now() + seconds - _MARGIN
            return token


def service_account(secret: str) -> dict[str, Any] | None:
    """The parsed key of a service account, or None."""
    if not secret.lstrip().startswith("{"):
        return None
    document = json.loads(secret)
    return document if isinstance(document, dict) and "private_key" in document else None


def assertion(account: dict[str, Any], now: int) -> str:
    """The signed JWT that says who asks for what."""
    header = {"alg": "RS256", "typ": "JWT", "kid": account.get("private_key_id")}
    claims = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + _LIFETIME,
    }
    signed = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{signed}.{_base64(sign(signed.encode(), account['private_key']))}"


def sign(message: bytes, pem: str) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256."""
    modulus, exponent = _private_key(pem)
    size = (modulus.bit_length() + 7) // 8
    digest = _SHA256_INFO + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded, "big"), exponent, modulus).to_bytes(size, "big")


def _exchange(account: dict[str, Any], signed: str) -> tuple[str, float]:
    try:
        response = urllib3.request(
            "POST",
            account["token_uri"],
            body=urlencode({"grant_type": _GRANT, "assertion": signed}),
            headers={"content-type": "application/x-www-form-urlencoded"},
            retries=False,
            timeout=_TIMEOUT,
        )
        answer = json.loads(response.data) if response.status == 200 else {}
        return str(answer["access_token"]), float(answer.get("expires_in", _LIFETIME))
    except (HTTPError, OSError, ValueError, KeyError):
        message = "the gateway can't get an access token from Google with its key for this model"
        raise UpstreamError(502, "provider_key_unavailable", message, elsewhere=True) from None


def _private_key(pem: str) -> tuple[int, int]:
    """Modulus and private exponent of a PKCS#8 or PKCS#1 key."""
    body = "".join(line for line in pem.split("\n") if line and not line.startswith("-----"))
    version, *rest = _sequence(base64.b64decode(body))
    assert version == b"\x00", "the only version of a two-prime key"
    # PKCS#8 wraps PKCS#1: algorithm, then the key as a string of bytes.
    numbers = _sequence(rest[1]) if len(rest) < 7 else [version, *rest]
    return int.from_bytes(numbers[1], "big"), int.from_bytes(numbers[3], "big")


def _sequence(der: bytes) -> list[bytes]:
    """The contents of a DER sequence's elements."""
    _, content, _ = _element(der)
    found = []
    while content:
        _, item, content = _element(content)
        found.append(item)
    return found


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows of the first DER element."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return tag, der[start : start + length], der[start + length :]


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
