"""Bedrock Converse replies and streams as OpenAI chat completions and chunks. Pure translation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from . import sse
from .exchange import Call, Meter, Usage

Json = dict[str, Any]
_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def completion(call: Call, reply: Json, meter: Meter) -> bytes:
    """The whole answer as a `chat.completion`."""
    blocks = reply.get("output", {}).get("message", {}).get("content", [])
    text = "".join(block["text"] for block in blocks if "text" in block)
    calls = [_tool_call(block["toolUse"]) for block in blocks if "toolUse" in block]
    message: Json = {"role": "assistant", "content": text or None, "refusal": None}
    if calls:
        message["tool_calls"] = calls
    meter.usage = _usage(reply)
    meter.heard(text)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply.get("stopReason"))}
    return json.dumps(
        {
            "id": f"chatcmpl-{call.request_id}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": call.alias,
            "choices": [choice],
            "usage": _usage_json(meter.usage),
        }
    ).encode()


def chunks(call: Call, events: Iterable[Json], meter: Meter) -> Iterator[bytes]:
    """A ConverseStream as `chat.completion.chunk` events, ended by `[DONE]`."""
    writer = _ChunkWriter(call, meter)
    for event in events:
        chunk = writer.chunk(event)
        if chunk is not None:
            yield chunk
    if call.wants_usage:
        yield sse.encode({**writer.head, "choices": [], "usage": _usage_json(meter.usage)})
    yield sse.DONE


class _ChunkWriter:
    def __init__(self, call: Call, meter: Meter) -> None:
        self._meter = meter
        self._tools = 0
        self.head: Json = {
            "id": f"chatcmpl-{call.request_id}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": call.alias,
        }

    def chunk(self, event: Json) -> bytes | None:
        if "contentBlockDelta" in event:
            return self._delta(event["contentBlockDelta"]["delta"])
        if "contentBlockStart" in event:
            return self._tool_start(event["contentBlockStart"].get("start", {}))
        if "messageStart" in event:
            return self._choice({"role": "assistant", "content": ""})
        if "messageStop" in event:
            return self._choice({}, _finish(event["messageStop"].get("stopReason")))
        if "metadata" in event:
            self._meter.usage = _usage(event["metadata"])
        return None

    def _delta(self, delta: Json) -> bytes | None:
        if "text" in delta:
            self._meter.heard(delta["text"])
            return self._choice({"content": delta["text"]})
        if "toolUse" in delta:
            function = {"arguments": delta["toolUse"]["input"]}
            return self._choice({"tool_calls": [{"index": self._tools - 1, "function": function}]})
        return None  # reasoning has no field in OpenAI's format

    def _tool_start(self, start: Json) -> bytes | None:
        if "toolUse" not in start:
            return None
        call = {
            "index": self._tools,
            "id": start["toolUse"]["toolUseId"],
            "type": "function",
            "function": {"name": start["toolUse"]["name"], "arguments": ""},
        }
        self._tools += 1
        return self._choice({"tool_calls": [call]})

    def _choice(self, delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse.encode({**self.head, "choices": [choice]})


def _tool_call(use: Json) -> Json:
    function = {"name": use["name"], "arguments": json.dumps(use["input"])}
    return {"id": use["toolUseId"], "type": "function", "function": function}


def _finish(reason: str | None) -> str:
    return _FINISH.get(reason or "", "stop")


def _usage(holder: Json) -> Usage | None:
    """Converse counts cached tokens apart; OpenAI's `prompt_tokens` holds them."""
    usage = holder.get("usage")
    if not usage:
        return None
    cached = usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
    return Usage(usage["inputTokens"] + cached, usage["outputTokens"])


def _usage_json(usage: Usage | None) -> Json | None:
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total,
    }
