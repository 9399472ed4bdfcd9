"""vLLM's HTTP interface: health, models, chat and text completions, metrics, and SageMaker's two paths.

Before the model is "loaded" nothing but the health paths answers, and those say 503. Errors have vLLM's shape.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from llmstrat_iac.sandbox.environment import FLEET_SECONDS_VARIABLE
from llmstrat_iac.sandbox.fleet.arguments import EngineArguments
from llmstrat_iac.sandbox.fleet.metrics import Load
from llmstrat_iac.sandbox.jobs import clock
from llmstrat_iac.sandbox.vendor.answering import Answer, wanted_fault
from llmstrat_iac.sandbox.vendor.generator import Generator, Message
from llmstrat_iac.sandbox.vendor.openai_wire import DONE, Reply, chat_choice, event, message_of, text_choice, usage
from llmstrat_iac.sandbox.vendor.tuned import TunedGenerator
from llmstrat_iac.sandbox.vendor.wire import (
    BadRequestError,
    answer_json,
    dropped,
    event_stream,
    read_json,
    required,
)

_LOAD_SECONDS = 1.0
_KINDS = {400: "BadRequestError", 401: "Unauthorized", 404: "NotFoundError", 503: "ServiceUnavailableError"}
Choice = Callable[[str | None, bool], dict[str, Any]]


def load_seconds() -> float:
    """How long an engine takes until it serves, from LLMSTRAT_SANDBOX_FLEET_SECONDS."""
    return float(os.environ.get(FLEET_SECONDS_VARIABLE) or _LOAD_SECONDS)


@dataclass
class Engine:
    """One engine with its model and adapters."""

    arguments: EngineArguments
    generator: Generator
    loads_for: float = field(default_factory=load_seconds)
    started: float = field(default_factory=clock)
    load: Load = field(init=False)

    def __post_init__(self) -> None:
        self.load = Load(self.arguments.context)

    def app(self) -> Starlette:
        """The whole interface."""
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/ping", self._health, methods=["GET", "POST"]),
                Route("/metrics", self._metrics),
                Route("/v1/models", self._models),
                Route("/v1/chat/completions", self._completions, methods=["POST"]),
                Route("/v1/completions", self._completions, methods=["POST"]),
                Route("/invocations", self._completions, methods=["POST"]),
            ]
        )

    @property
    def _ready(self) -> bool:
        return clock() - self.started >= self.loads_for

    async def _health(self, _request: Request) -> Response:
        return Response(status_code=200 if self._ready else 503)

    async def _metrics(self, _request: Request) -> Response:
        return PlainTextResponse(self.load.exposition(self.arguments.names[0]))

    async def _models(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        own = self.arguments
        base = [self._model(name, own.model, None) for name in own.names]
        adapters = [self._model(each.name, each.path, own.names[0]) for each in own.adapters]
        return answer_json({"object": "list", "data": [*base, *adapters]})

    def _model(self, name: str, root: str, parent: str | None) -> dict[str, Any]:
        return {
            "id": name, "object": "model", "created": int(time.time()), "owned_by": "vllm", "root": root,
            "parent": parent, "max_model_len": None if parent else self.arguments.context,
        }  # fmt: skip

    def _refusal(self, request: Request) -> Response | None:
        if not self._ready:
            return _error(503, "The model is still being loaded.")
        keys = self.arguments.api_keys
        # Only the paths below /v1 are guarded: vLLM leaves /invocations open.
        if keys and request.url.path.startswith("/v1/"):
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or key not in keys:
                return answer_json({"error": "Unauthorized"}, 401)
        return None

    async def _completions(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            body = await read_json(request)
            model = str(body.get("model") or self.arguments.names[0])
            answer = self._answer(body, model, wanted_fault(request, model))
            if answer.fault in ("500", "429"):
                return _error(int(answer.fault), "injected")
            if answer.fault == "drop" and not body.get("stream"):
                return dropped()
            return await self._reply(body, model, answer)
        except BadRequestError as error:
            return _error(error.status, error.message, error.parameter)

    def _answer(self, body: Mapping[str, Any], model: str, fault: str | None) -> Answer:
        generator = self._generator(model)
        if "messages" in body:
            messages = [message_of(entry) for entry in required(body, "messages", list)]
        else:
            prompt = required(body, "prompt", (str, list))
            text = prompt if isinstance(prompt, str) else "\n".join(str(part) for part in prompt)
            messages = [Message("user", text)]
        asked = generator.prompt_tokens(messages)
        room = self.arguments.context - asked
        wanted = body.get("max_completion_tokens") or body.get("max_tokens")
        if room < 1 or (wanted and wanted > room):
            raise BadRequestError(
                f"This model's maximum context length is {self.arguments.context} tokens. However, you requested "
                f"{wanted or 0} output tokens and your prompt contains {asked} input tokens.",
                parameter="input_tokens",
            )
        return Answer(generator, messages, int(wanted or room), fault)

    def _generator(self, model: str) -> Generator:
        if model in self.arguments.names:
            return self.generator
        if any(model == each.name for each in self.arguments.adapters):
            return TunedGenerator(self.generator, model)
        raise BadRequestError(f"The model `{model}` does not exist.", parameter="model", status=404)

    async def _reply(self, body: Mapping[str, Any], model: str, answer: Answer) -> Response:
        chat = "messages" in body
        reply = (
            Reply("chatcmpl", "chat.completion", model, answer)
            if chat
            else Reply("cmpl", "text_completion", model, answer)
        )
        if body.get("stream"):
            return event_stream(self._stream(reply, body, chat_choice if chat else text_choice))
        with self.load.request():
            text = await answer.whole()
        self.load.finished(answer.prompt_tokens, answer.completion_tokens)
        message = {"role": "assistant", "content": text}
        return answer_json(
            reply.whole({"index": 0, "logprobs": None} | ({"message": message} if chat else {"text": text}))
        )

    async def _stream(self, reply: Reply, body: Mapping[str, Any], choice: Choice) -> AsyncIterator[str]:
        options = body.get("stream_options") or {}
        include = self.arguments.always_usage or bool(options.get("include_usage"))
        answer, first = reply.answer, True
        with self.load.request():
            async for piece in answer.pieces():
                yield event(reply.chunk(choice(piece, first), None))
                first = False
        yield event(reply.chunk(choice(None, first), answer.ended_by))
        self.load.finished(answer.prompt_tokens, answer.completion_tokens)
        if include:
            yield event({**reply.head(".chunk"), "choices": [], "usage": usage(answer)})
        yield DONE


def _error(status: int, message: str, parameter: str | None = None) -> Response:
    kind = _KINDS.get(status, "InternalServerError")
    return answer_json({"error": {"message": message, "type": kind, "param": parameter, "code": status}}, status)
