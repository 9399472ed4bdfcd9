"""Gemini's own wire format: `:generateContent` and `:streamGenerateContent` (events, or one JSON array)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from llmstrat_iac.sandbox.vendor.answering import DEFAULT_MOST_TOKENS, Answer, wanted_fault
from llmstrat_iac.sandbox.vendor.dialects import google_error
from llmstrat_iac.sandbox.vendor.generator import Generator, Message
from llmstrat_iac.sandbox.vendor.wire import (
    BadRequestError,
    answer_json,
    dropped,
    dump,
    event_stream,
    read_json,
    required,
)

_FAULT_MESSAGES = {"429": "Resource has been exhausted (e.g. check quota).", "500": "An internal error has occurred."}
_REASONS = {"stop": "STOP", "length": "MAX_TOKENS"}


@dataclass(frozen=True)
class GeminiWire:
    """The native endpoints over one generator."""

    generator: Generator

    def routes(self) -> list[Route]:
        """Everything under `/v1beta`."""
        return [Route("/models/{call:path}", self._call, methods=["POST"])]

    async def _call(self, request: Request) -> Response:
        refusal = _refuse_key(request)
        if refusal is not None:
            return refusal
        model, _, verb = str(request.path_params["call"]).rpartition(":")
        return await self.generate(request, model, verb)

    async def generate(self, request: Request, model: str, verb: str) -> Response:
        """Answer a call whose key has been checked."""
        try:
            return await self._generate(request, model, verb)
        except BadRequestError as error:
            return _error(error.status, error.message)

    async def _generate(self, request: Request, model: str, verb: str) -> Response:
        if verb not in ("generateContent", "streamGenerateContent") or model.startswith("missing"):
            return _error(404, f"models/{model} is not found for API version v1beta.")
        fault = wanted_fault(request, model)
        if fault in ("429", "500"):
            return _error(int(fault), _FAULT_MESSAGES[fault])
        body = await read_json(request)
        wanted = (body.get("generationConfig") or {}).get("maxOutputTokens") or DEFAULT_MOST_TOKENS
        answer = Answer(self.generator, _messages(body), int(wanted), fault)
        reply = _Reply(model, f"sandbox-{uuid4().hex}", answer)
        if verb == "generateContent":
            return dropped() if fault == "drop" else answer_json(reply.last(await answer.whole()))
        if request.query_params.get("alt") == "sse":
            return event_stream(_as_events(reply.parts()))
        return StreamingResponse(_as_array(reply.parts()), media_type="application/json")


@dataclass(frozen=True)
class _Reply:
    model: str
    id: str
    answer: Answer

    async def parts(self) -> AsyncIterator[dict[str, Any]]:
        async for piece in self.answer.pieces():
            yield self._part(piece, {})
        yield self.last("")

    def last(self, text: str) -> dict[str, Any]:
        question, made = self.answer.prompt_tokens, self.answer.completion_tokens
        counted = {"promptTokenCount": question, "candidatesTokenCount": made, "totalTokenCount": question + made}
        return {**self._part(text, {"finishReason": _REASONS[self.answer.ended_by]}), "usageMetadata": counted}

    def _part(self, text: str, more: Mapping[str, Any]) -> dict[str, Any]:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
        return {"candidates": [candidate], "modelVersion": self.model, "responseId": self.id}


def _messages(body: Mapping[str, Any]) -> list[Message]:
    system = _text(body.get("systemInstruction") or body.get("system_instruction") or {})
    head = [Message("system", system)] if system else []
    contents = required(body, "contents", list)
    roles = {"model": "assistant"}
    return [*head, *(Message(roles.get(entry.get("role", ""), "user"), _text(entry)) for entry in contents)]


def _text(content: Mapping[str, Any]) -> str:
    return "".join(str(part.get("text", "")) for part in content.get("parts") or [])


def _refuse_key(request: Request) -> Response | None:
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if not key:
        return _error(403, "Method doesn't allow unregistered callers.")
    return _error(400, "API key not valid. Please pass a valid API key.") if key.startswith("bad") else None


def _error(status: int, message: str) -> Response:
    return answer_json(google_error(status, message), status)


async def _as_events(parts: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    async for part in parts:
        yield f"data: {dump(part)}\n\n"


async def _as_array(parts: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    separator = "["
    async for part in parts:
        yield separator + dump(part)
        separator = ",\n"
    yield "]"
