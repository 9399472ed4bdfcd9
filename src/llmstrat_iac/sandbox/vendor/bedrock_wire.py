"""Bedrock Runtime's Converse and ConverseStream, with a signature (not verified) or a Bedrock key."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from llmstrat_iac.sandbox.vendor.answering import DEFAULT_MOST_TOKENS, Answer, wanted_fault
from llmstrat_iac.sandbox.vendor.bedrock_models import TunedModels
from llmstrat_iac.sandbox.vendor.event_stream import encode_event
from llmstrat_iac.sandbox.vendor.generator import Generator, Message
from llmstrat_iac.sandbox.vendor.tuned import TunedGenerator
from llmstrat_iac.sandbox.vendor.wire import BadRequestError, answer_json, dropped, read_json, required

_REASONS = {"stop": "end_turn", "length": "max_tokens"}
_EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclass(frozen=True)
class BedrockWire:
    """The Converse endpoints over one generator."""

    generator: Generator
    tuned: TunedModels = field(default_factory=TunedModels.from_environment)

    def routes(self) -> list[Route]:
        """Everything under the service's root; a model id may be an ARN with slashes."""
        return [
            Route("/model/{model:path}/converse", self._converse, methods=["POST"]),
            Route("/model/{model:path}/converse-stream", self._converse_stream, methods=["POST"]),
        ]

    async def _converse(self, request: Request) -> Response:
        answer = await self._answer(request)
        if isinstance(answer, Response):
            return answer
        if answer.fault == "drop":
            return dropped()
        begun = time.monotonic()
        text = await answer.whole()
        output = {"message": {"role": "assistant", "content": [{"text": text}]}}
        return answer_json({"output": output, "stopReason": _REASONS[answer.ended_by], **_figures(answer, begun)})

    async def _converse_stream(self, request: Request) -> Response:
        answer = await self._answer(request)
        if isinstance(answer, Response):
            return answer
        return StreamingResponse(_events(answer), media_type=_EVENT_STREAM)

    async def _answer(self, request: Request) -> Answer | Response:
        model = str(request.path_params["model"])
        refusal = _refuse(request, model)
        if refusal is not None:
            return refusal
        generator = self.generator
        if self.tuned.is_tuned(model):
            absent = await run_in_threadpool(self.tuned.refusal, model)
            if absent is not None:
                return _error(absent.status, absent.kind, absent.message)
            generator = TunedGenerator(generator, model.rpartition("/")[2])
        try:
            body = await read_json(request)
            messages = _messages(body)
        except BadRequestError as error:
            return _error(400, "ValidationException", error.message)
        wanted = (body.get("inferenceConfig") or {}).get("maxTokens") or DEFAULT_MOST_TOKENS
        return Answer(generator, messages, int(wanted), wanted_fault(request, model))


async def _events(answer: Answer) -> AsyncIterator[bytes]:
    begun = time.monotonic()
    yield encode_event("messageStart", {"role": "assistant"})
    async for piece in answer.pieces():
        yield encode_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
    yield encode_event("contentBlockStop", {"contentBlockIndex": 0})
    yield encode_event("messageStop", {"stopReason": _REASONS[answer.ended_by]})
    yield encode_event("metadata", _figures(answer, begun))


def _figures(answer: Answer, begun: float) -> dict[str, Any]:
    question, made = answer.prompt_tokens, answer.completion_tokens
    return {
        "usage": {"inputTokens": question, "outputTokens": made, "totalTokens": question + made},
        "metrics": {"latencyMs": int((time.monotonic() - begun) * 1000)},
    }


def _messages(body: Mapping[str, Any]) -> list[Message]:
    system = _text(body.get("system") or [])
    head = [Message("system", system)] if system else []
    given = required(body, "messages", list)
    return [*head, *(Message(str(entry.get("role", "user")), _text(entry.get("content") or [])) for entry in given)]


def _text(blocks: list[Mapping[str, Any]]) -> str:
    return "".join(str(block.get("text", "")) for block in blocks)


def _refuse(request: Request, model: str) -> Response | None:
    authorization = request.headers.get("authorization", "")
    if not authorization:
        return _error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    if authorization.startswith("Bearer bad") or "Credential=bad" in authorization:
        return _error(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
    if model.startswith("missing"):
        return _error(400, "ValidationException", "The provided model identifier is invalid.")
    fault = wanted_fault(request, model)
    if fault == "429":
        return _error(429, "ThrottlingException", "Too many requests, please wait before trying again.")
    if fault == "500":
        return _error(500, "InternalServerException", "The system encountered an unexpected error during processing.")
    return None


def _error(status: int, kind: str, message: str) -> Response:
    return answer_json({"message": message}, status, {"x-amzn-ErrorType": kind})
