"""Answers in OpenAI's format on their way to the client: only the model's name and the usage chunk are touched.

The name is replaced as bytes where that is exact: inside a JSON string quotes are escaped, so `"model":"x"` can only be
a member.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeout

from . import sse
from .errors import UpstreamError, timed_out
from .exchange import CHATTING, Call, Meter
from .openai_errors import scrub
from .tokens import read_usage
from .vendor_http import broken_off

_ERRORS: Final = (b'data: {"error"', b"event: error", b"event: response.failed")
_FINISHED: Final = re.compile(rb'"finish_reason":\s*"')
_COMPLETED: Final = re.compile(rb'"type":\s*"response\.(?:completed|incomplete|failed)"')


def whole_answer(call: Call, body: bytes, meter: Meter, key: str | None) -> bytes:
    """A vendor's answer under the alias, with its usage noted."""
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


class Events:
    """One stream's events on their way to the client."""

    def __init__(self, call: Call, model: str, meter: Meter, key: str | None) -> None:
        self._call = call
        self._meter = meter
        self._key = key.encode() if key else None
        self._alias = json.dumps(call.alias).encode()
        self._name = b'"model":' + json.dumps(model).encode()  # as the vendor writes it; learnt from the first event
        self._new_name = b'"model":' + self._alias
        self._chatting = call.endpoint in CHATTING
        self._last_mark = _FINISHED if self._chatting else _COMPLETED
        self._ended = self._done = False

    def pass_on(self, pieces: Iterable[bytes], close: Callable[[], object]) -> Iterator[bytes]:
        """The events in `pieces`; `close` is called at the end, whatever it is."""
        try:
            for events in sse.split_events(pieces):
                kept = [event for event in map(self._event, events) if event]
                if kept:
                    yield b"\n\n".join(kept) + b"\n\n"
            yield from self._ending()
        except HTTPTimeout:
            raise timed_out() from None
        except (HTTPError, OSError, ValueError):
            raise broken_off() from None
        finally:
            close()

    def _ending(self) -> Iterator[bytes]:
        """A connection that was closed too early can look like an end; an unfinished answer must not."""
        if not self._ended:
            raise broken_off()
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
