"""OpenAI's Responses endpoint: one output message of text, whole or as its typed stream events."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

from starlette.responses import Response

from llmstrat_iac.sandbox.vendor.answering import Answer
from llmstrat_iac.sandbox.vendor.generator import Message
from llmstrat_iac.sandbox.vendor.wire import BadRequestError, answer_json, dump, event_stream, required


def messages(body: Mapping[str, Any]) -> list[Message]:
    """The conversation of a Responses request."""
    given = required(body, "input", (str, list))
    instructions = body.get("instructions")
    head = [Message("system", instructions)] if isinstance(instructions, str) else []
    if isinstance(given, str):
        return [*head, Message("user", given)]
    return [*head, *(_message(item) for item in given)]


async def respond(body: Mapping[str, Any], answer: Answer) -> Response:
    """The response object, or the events that build it."""
    reply = _Reply(body, answer)
    if body.get("stream"):
        return event_stream(reply.events())
    await answer.whole()
    return answer_json(reply.finished())


class _Reply:
    """One response; its ids stay the same in all its events."""

    def __init__(self, body: Mapping[str, Any], answer: Answer) -> None:
        self._body = body
        self._answer = answer
        self._id = f"resp_{uuid4().hex}"
        self._item_id = f"msg_{uuid4().hex}"
        self._created = int(time.time())
        self._number = 0

    def finished(self) -> dict[str, Any]:
        """The response with its text and usage."""
        if self._answer.ended_by == "stop":
            return self._response("completed", [self._item("completed")], self._usage())
        reason = {"incomplete_details": {"reason": "max_output_tokens"}}
        return {**self._response("incomplete", [self._item("incomplete")], self._usage()), **reason}

    async def events(self) -> AsyncIterator[str]:
        """The stream, in OpenAI's order of events."""
        place = {"item_id": self._item_id, "output_index": 0, "content_index": 0}
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, response=self._response("in_progress", [], None))
        item = {**self._item("in_progress"), "content": []}
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._event("response.content_part.added", **place, part=_part(""))
        async for piece in self._answer.pieces():
            yield self._event("response.output_text.delta", **place, delta=piece, logprobs=[])
        text = self._answer.text
        yield self._event("response.output_text.done", **place, text=text, logprobs=[])
        yield self._event("response.content_part.done", **place, part=_part(text))
        final = self.finished()
        yield self._event("response.output_item.done", output_index=0, item=final["output"][0])
        yield self._event(f"response.{final['status']}", response=final)

    def _event(self, kind: str, **fields: Any) -> str:
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return f"event: {kind}\ndata: {dump(event)}\n\n"

    def _item(self, status: str) -> dict[str, Any]:
        return {
            "id": self._item_id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [_part(self._answer.text)],
        }

    def _usage(self) -> dict[str, Any]:
        question, made = self._answer.prompt_tokens, self._answer.completion_tokens
        return {
            "input_tokens": question,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": question + made,
        }

    def _response(self, status: str, output: list[Any], usage: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": self._body.get("instructions"),
            "max_output_tokens": self._body.get("max_output_tokens"),
            "metadata": self._body.get("metadata") or {},
            "model": self._body["model"],
            "output": output,
            "parallel_tool_calls": True,
            "temperature": self._body.get("temperature", 1.0),
            "tool_choice": "auto",
            "tools": [],
            "top_p": self._body.get("top_p", 1.0),
            "usage": usage,
        }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(item: Any) -> Message:
    if not isinstance(item, dict):
        raise BadRequestError("Invalid value for 'input'.", parameter="input", code="invalid_type")
    content = item.get("content", "")
    parts = [content] if isinstance(content, str) else [str(part.get("text", "")) for part in content]
    role = str(item.get("role", "user"))
    return Message("system" if role == "developer" else role, "".join(parts))
