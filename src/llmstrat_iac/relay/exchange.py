"""What passes between the doors, the core and the wires. No transport and no vendor is known here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol

JSON_TYPE: Final = "application/json"
SSE_TYPE: Final = "text/event-stream; charset=utf-8"


class Endpoint(Enum):
    CHAT = "/chat/completions"
    COMPLETIONS = "/completions"
    RESPONSES = "/responses"
    EMBEDDINGS = "/embeddings"
    MODELS = "/models"


CHATTING: Final = (Endpoint.CHAT, Endpoint.COMPLETIONS)
"""Whose streams end with `[DONE]` and can carry usage."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a door hands over. `consumer` is authenticated already; `deadline` is on the monotonic clock."""

    method: str
    path: str
    body: bytes
    consumer: str
    request_id: str
    deadline: float


class Body(Protocol):
    """A streamed body. `close` must be called, from the thread that iterates; `abort` may come from any thread."""

    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | Body
    keepalive_seconds: float = 15.0  # how long a streamed body may be silent before the door writes a comment


@dataclass(frozen=True, slots=True)
class Call:
    """One checked request for a model, before a route is chosen."""

    endpoint: Endpoint
    alias: str
    document: dict[str, Any]
    stream: bool
    request_id: str
    deadline: float

    @property
    def wants_usage(self) -> bool:
        """Whether the client asked for the usage chunk of a stream."""
        options = self.document.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int

    @property
    def total(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(slots=True)
class Meter:
    """What a wire learns while it serves a call. `answer` is None unless answers are to be logged."""

    usage: Usage | None = None
    error: str | None = None
    answer: list[str] | None = field(default=None)

    def heard(self, text: object) -> None:
        """Keep a piece of the answer, if answers are logged."""
        if self.answer is not None and isinstance(text, str):
            self.answer.append(text)


@dataclass(frozen=True, slots=True)
class Stream:
    """Whole SSE events from a vendor. `abort` may be called from another thread and unblocks the iterator."""

    events: Iterator[bytes]
    abort: Callable[[], None]


class Upstream(Protocol):
    """A vendor's wire. Raises UpstreamError or UnsupportedError; its texts never hold a key."""

    def send(self, call: Call, model: str, meter: Meter) -> bytes | Stream: ...
