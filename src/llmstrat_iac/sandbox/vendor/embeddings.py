"""OpenAI's embeddings endpoint: unit vectors that depend on the text only, as numbers or in base64."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.vendor.generator import Generator
from llmstrat_iac.sandbox.vendor.wire import required

_SIZE = 1536


def embed(body: Mapping[str, Any], generator: Generator) -> dict[str, Any]:
    """The answer to an embeddings request; inputs are texts or lists of tokens."""
    given = required(body, "input", (str, list))
    texts = [given] if isinstance(given, str) or isinstance(given[0], int) else given
    size = int(body.get("dimensions") or _SIZE)
    encode = _base64 if body.get("encoding_format") == "base64" else list
    data = [
        {"object": "embedding", "index": index, "embedding": encode(_vector(str(text), size))}
        for index, text in enumerate(texts)
    ]
    tokens = sum(len(text) if isinstance(text, list) else generator.count(str(text)) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _vector(text: str, size: int) -> list[float]:
    raw = hashlib.shake_256(text.encode()).digest(2 * size)
    values = [number / 32768 for number in struct.unpack(f"<{size}h", raw)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]


def _base64(values: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
