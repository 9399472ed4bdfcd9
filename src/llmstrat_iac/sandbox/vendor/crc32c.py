"""CRC-32C (Castagnoli), by which Google's clients check what they have uploaded; ten megabytes take a second."""

from __future__ import annotations

import base64
import struct

_POLYNOMIAL = 0x82F63B78


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


_TABLE = _table()


def crc32c(content: bytes) -> str:
    """The sum as Google writes it: four bytes, big end first, in base64."""
    value, table = 0xFFFFFFFF, _TABLE
    for byte in content:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return base64.b64encode(struct.pack(">I", value ^ 0xFFFFFFFF)).decode()
