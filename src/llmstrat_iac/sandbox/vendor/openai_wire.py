"""OpenAI's wire format: chat completions, completions, embeddings and models, with its errors, keys and streams.

Served in three dialects: OpenAI's own, Gemini's compatible surface (errors in Google's shape, in a list) and Mistral's
(usage in every stream's last chunk).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llmstrat_iac.sandbox.vendor import embeddings, openai_responses
from llmstrat_iac.sandbox.vendor.answering import DEFAULT_MOST_TOKENS, Answer, wanted_fault
from llmstrat_iac.sandbox.vendor.dialects import Dialect
from llmstrat_iac.sandbox.vendor.generator import Generator, Message
from llmstrat_iac.sandbox.vendor.openai_tuning import FineTuning
from llmstrat_iac.sandbox.vendor.tuned import TunedGenerator
from llmstrat_iac.sandbox.vendor.wire import (
    BadRequestError,
    answer_json,
    dropped,
    dump,
    event_stream,
    read_json,
    required,
)

_TUNED = "ft:"
DONE = "data: [DONE]\n\n"
# OpenAI's reasoning families take `max_completion_tokens` only.
_REASONING_FAMILIES = ("o1", "o3", "o4", "gpt-5")

Endpoint = Callable[[Request, Mapping[str, Any]], Awaitable[Response]]


@dataclass(frozen=True)
class OpenAiWire:
    """The endpoints of one dialect over one generator."""

    generator: Generator
    dialect: Dialect
    tuning: FineTuning | None = None

    def routes(self) -> list[Route]:
        """Everything under the dialect's base URL."""
        posts = {
            "/chat/completions": self._chat,
            "/completions": self._completion,
            "/embeddings": self._embed,
            "/responses": self._respond,
        }
        return [
            *(Route(path, self._guarded(endpoint), methods=["POST"]) for path, endpoint in posts.items()),
            Route("/models", self._list_models),
            Route("/models/{model:path}", self._get_model),
        ]

    async def chat(self, request: Request) -> Response:
        """Chat completions alone, at whatever path."""
        return await self._guarded(self._chat)(request)

    def _guarded(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Keys, then the body, then the faults that were asked for."""

        async def handle(request: Request) -> Response:
            refusal = self._refuse_key(request)
            if refusal is not None:
                return refusal
            try:
                body = await read_json(request)
                model = required(body, "model", str)
                if model.startswith("missing") or not self._serves(model):
                    message = f"The model `{model}` does not exist or you do not have access to it."
                    raise BadRequestError(message, parameter="model", code="model_not_found", status=404)
                fault = wanted_fault(request, model)
                if fault in ("500", "429"):
                    return self._fault(fault)
                if fault == "drop" and not body.get("stream"):
                    return dropped()
                return await endpoint(request, body)
            except BadRequestError as error:
                return self.dialect.error(error.status, error.message, error.code, error.parameter)

        return handle

    def _refuse_key(self, request: Request) -> Response | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return self.dialect.missing_key()
        return self.dialect.wrong_key(key) if key.startswith("bad") else None

    def _fault(self, fault: str) -> Response:
        if fault == "429":
            return self.dialect.error(
                429, "Rate limit reached for requests.", "rate_limit_exceeded", None, {"retry-after": "1"}
            )
        return self.dialect.error(500, "The server had an error while processing your request.", None, None)

    async def _chat(self, request: Request, body: Mapping[str, Any]) -> Response:
        messages = [message_of(entry) for entry in required(body, "messages", list)]
        answer = self._answer(request, body, messages)
        reply = Reply("chatcmpl", "chat.completion", body["model"], answer)
        if body.get("stream"):
            return event_stream(self._stream(reply, body, chat_choice))
        content = await answer.whole()
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
        return answer_json(reply.whole({"index": 0, "message": message, "logprobs": None}))

    async def _completion(self, request: Request, body: Mapping[str, Any]) -> Response:
        prompt = required(body, "prompt", (str, list))
        text = prompt if isinstance(prompt, str) else "\n".join(str(part) for part in prompt)
        answer = self._answer(request, body, [Message("user", text)])
        reply = Reply("cmpl", "text_completion", body["model"], answer)
        if body.get("stream"):
            return event_stream(self._stream(reply, body, text_choice))
        return answer_json(reply.whole({"index": 0, "text": await answer.whole(), "logprobs": None}))

    async def _respond(self, request: Request, body: Mapping[str, Any]) -> Response:
        messages = openai_responses.messages(body)
        answer = self._answer(request, body, messages)
        return await openai_responses.respond(body, answer)

    def _answer(self, request: Request, body: Mapping[str, Any], messages: list[Message]) -> Answer:
        model = str(body["model"])
        tuned = model.startswith(_TUNED) and self.tuning is not None
        generator = TunedGenerator(self.generator, model) if tuned else self.generator
        return Answer(generator, messages, self._most_tokens(body), wanted_fault(request, model))

    def _serves(self, model: str) -> bool:
        """Whether a tuned model is there; any other name is answered."""
        return self.tuning is None or not model.startswith(_TUNED) or self.tuning.serves(model)

    def _most_tokens(self, body: Mapping[str, Any]) -> int:
        model = str(body["model"])
        if self.dialect.name == "openai" and "max_tokens" in body and model.startswith(_REASONING_FAMILIES):
            message = (
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead."
            )
            raise BadRequestError(message, parameter="max_tokens", code="unsupported_parameter")
        for name in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
            wanted = body.get(name)
            if wanted is not None:
                if not isinstance(wanted, int) or wanted < 1:
                    raise BadRequestError(f"Invalid value for '{name}'.", parameter=name, code="invalid_value")
                return wanted
        return DEFAULT_MOST_TOKENS

    async def _stream(
        self, reply: Reply, body: Mapping[str, Any], choice: Callable[[str | None, bool], dict[str, Any]]
    ) -> AsyncIterator[str]:
        include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        separate = include_usage and not self.dialect.usage_in_last_chunk
        extra = {"usage": None} if separate else {}
        first = True
        async for piece in reply.answer.pieces():
            yield event({**reply.chunk(choice(piece, first), None), **extra})
            first = False
        last = reply.chunk(choice(None, first), reply.answer.ended_by)
        if self.dialect.usage_in_last_chunk:
            last["usage"] = usage(reply.answer)
        yield event({**last, **extra})
        if separate:
            yield event({**reply.head(".chunk"), "choices": [], "usage": usage(reply.answer)})
        yield DONE

    async def _embed(self, _request: Request, body: Mapping[str, Any]) -> Response:
        return answer_json(embeddings.embed(body, self.generator))

    async def _list_models(self, request: Request) -> Response:
        refusal = self._refuse_key(request)
        if refusal is not None:
            return refusal
        return answer_json({"object": "list", "data": [_model(name) for name in self._names]})

    async def _get_model(self, request: Request) -> Response:
        name = str(request.path_params["model"])
        refusal = self._refuse_key(request)
        if refusal is not None:
            return refusal
        if name.startswith("missing") or not self._serves(name):
            return self.dialect.error(404, f"The model '{name}' does not exist", "model_not_found", "model")
        return answer_json(_model(name))

    @property
    def _names(self) -> tuple[str, ...]:
        tuned = self.tuning.models() if self.tuning is not None else ()
        return (*self.dialect.models, self.generator.name, *tuned)


@dataclass(frozen=True)
class Reply:
    """One completion's constant fields."""

    prefix: str
    kind: str
    model: str
    answer: Answer

    id: str = field(default_factory=lambda: uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def head(self, suffix: str = "") -> dict[str, Any]:
        """What every answer and every chunk begins with."""
        kind = self.kind if self.kind == "text_completion" else self.kind + suffix
        return {
            "id": f"{self.prefix}-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def whole(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        """The answer in one piece."""
        choices = [{**choice, "finish_reason": self.answer.ended_by}]
        return {**self.head(), "choices": choices, "usage": usage(self.answer)}

    def chunk(self, choice: Mapping[str, Any], ended_by: str | None) -> dict[str, Any]:
        """One chunk of a stream."""
        return {**self.head(".chunk"), "choices": [{"index": 0, **choice, "logprobs": None, "finish_reason": ended_by}]}


def usage(answer: Answer) -> dict[str, Any]:
    """OpenAI's usage block."""
    question, made = answer.prompt_tokens, answer.completion_tokens
    return {
        "prompt_tokens": question,
        "completion_tokens": made,
        "total_tokens": question + made,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def text_of(content: Any) -> str:
    """The text of a message's content, given as a string or as parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""


def message_of(entry: Any) -> Message:
    """One turn as a request gives it."""
    if not isinstance(entry, dict) or not isinstance(entry.get("role"), str):
        raise BadRequestError("Invalid value for 'messages'.", parameter="messages", code="invalid_type")
    role = "system" if entry["role"] == "developer" else entry["role"]
    return Message(role, text_of(entry.get("content")))


def chat_choice(piece: str | None, first: bool) -> dict[str, Any]:
    """A piece of a chat stream."""
    delta: dict[str, Any] = {"role": "assistant"} if first else {}
    return {"delta": delta if piece is None else {**delta, "content": piece}}


def text_choice(piece: str | None, _first: bool) -> dict[str, Any]:
    """A piece of a text stream."""
    return {"text": piece or ""}


def event(value: Any) -> str:
    """One server-sent event."""
    return f"data: {dump(value)}\n\n"


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "sandbox"}
