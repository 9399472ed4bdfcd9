"""Server-sent events as bytes: cutting a stream into whole events, and the few events that the relay writes itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from .errors import RelayError

PING: Final = b": ping\n\n"
DONE: Final = b"data: [DONE]\n\n"
MAX_EVENT: Final = 32 * 1024 * 1024


def encode(document: dict[str, Any]) -> bytes:
    """One `data:` event."""
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def encode_error(error: RelayError) -> bytes:
    """The event that ends a stream which can't go on; OpenAI's clients raise it."""
    return b"data: " + error.body() + b"\n\n"


def split_events(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut pieces into whole events without their blank line; one list for what a piece completed.

    An unfinished event at the end is dropped, as the SSE standard says. Raises ValueError for an endless event.
    """
    rest = b""
    for piece in pieces:
        rest += piece
        if b"\r" in rest:
            rest = rest.replace(b"\r\n", b"\n")
        whole, blank, tail = rest.rpartition(b"\n\n")
        if blank:
            rest = tail
            yield [event for event in whole.split(b"\n\n") if event]
        elif len(rest) > MAX_EVENT:
            raise ValueError("an event is too long")


def event_data(event: bytes) -> Any:
    """The JSON of an event, or None if it has none."""
    lines = [line[5:] for line in event.split(b"\n") if line.startswith(b"data:")]
    try:
        return json.loads(b"\n".join(lines))
    except ValueError:
        return None
