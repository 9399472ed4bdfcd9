"""The binary encoding of AWS event streams: length-prefixed messages with typed headers and two CRC-32 sums."""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Mapping
from typing import Any

_STRING = 7
_PRELUDE = struct.Struct("!II")
_SUM = struct.Struct("!I")


def encode_event(kind: str, payload: Mapping[str, Any]) -> bytes:
    """One event of a modelled stream with a JSON payload."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encode_message(headers, json.dumps(payload, separators=(",", ":")).encode())


def encode_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message; both sums cover everything before them."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    length = _PRELUDE.size + _SUM.size + len(encoded) + len(payload) + _SUM.size
    prelude = _PRELUDE.pack(length, len(encoded))
    message = prelude + _SUM.pack(binascii.crc32(prelude)) + encoded + payload
    return message + _SUM.pack(binascii.crc32(message))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(f"!B{len(key)}sBH", len(key), key, _STRING, len(text)) + text
