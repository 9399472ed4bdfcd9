"""Talks to a deployed endpoint as an application would: OpenAI's wire format over HTTP, streamed or whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.spec.common import StrategySpec

_TIMEOUT = urllib3.Timeout(connect=10, read=310)  # API Gateway ends a stream that is idle for 300 s


class EndpointError(LlmstratError):
    """The endpoint answered with an error, or not at all."""

    def __init__(self, message: str, *, status: int | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


@dataclass(frozen=True)
class Endpoint:
    """A gateway's base URL (ending in `/v1`) and one consumer's key."""

    base_url: str
    key: str

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, key=…)"


@dataclass(frozen=True)
class Completion:
    """A whole answer with what it used."""

    text: str
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None


def models(endpoint: Endpoint) -> tuple[str, ...]:
    """The aliases that the consumer may call."""
    answer = _json(_send(endpoint, "GET", "/models"))
    return tuple(entry["id"] for entry in answer.get("data", ()))


def first_model(spec: StrategySpec, consumer: str, served: Sequence[str]) -> str:
    """The first model of a consumer as the spec lists them that is there; LlmstratError if none is yet."""
    named = spec.endpoint.consumers if spec.endpoint else ()
    listed = [model for each in named if each.name == consumer for model in each.models]
    for model in (*listed, *served):
        if model in served:
            return model
    raise LlmstratError(f"`{consumer}` has no model yet", remedy="`llmstrat wait` tells when its tuned model is there")


def complete(endpoint: Endpoint, model: str, prompt: str, *, max_tokens: int | None = None) -> Completion:
    """Ask once and wait for the whole answer."""
    answer = _json(_send(endpoint, "POST", "/chat/completions", _question(model, prompt, max_tokens)))
    usage = answer.get("usage") or {}
    return Completion(
        text=answer["choices"][0]["message"].get("content") or "",
        model=answer.get("model", model),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
    )


def stream(endpoint: Endpoint, model: str, prompt: str, *, max_tokens: int | None = None) -> Iterator[str]:
    """Ask once and yield the answer's pieces as they arrive."""
    question = _question(model, prompt, max_tokens) | {"stream": True}
    response = _send(endpoint, "POST", "/chat/completions", question)
    try:
        for event in _events(response):
            if "error" in event:
                raise EndpointError(f"{endpoint.base_url}: the answer broke off: {event['error'].get('message')}")
            for choice in event.get("choices", ()):
                yield choice.get("delta", {}).get("content") or ""
    finally:
        response.close()


def _question(model: str, prompt: str, max_tokens: int | None) -> dict[str, Any]:
    question: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    return question if max_tokens is None else question | {"max_completion_tokens": max_tokens}


def _send(endpoint: Endpoint, method: str, path: str, body: dict[str, Any] | None = None) -> urllib3.BaseHTTPResponse:
    url = endpoint.base_url + path
    try:
        response = urllib3.request(
            method,
            url,
            json=body,
            headers={"Authorization": f"Bearer {endpoint.key}"},
            preload_content=False,
            retries=False,
            timeout=_TIMEOUT,
        )
    except urllib3.exceptions.HTTPError as error:
        raise EndpointError(
            f"{url}: no answer ({type(error).__name__})", remedy="`llmstrat status` tells whether the stack runs"
        ) from error
    if response.status >= 400:
        raise EndpointError(f"{url}: HTTP {response.status}: {_error_message(response)}", status=response.status)
    return response


def _json(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        answer = json.loads(response.read())
    except ValueError as error:
        raise EndpointError(f"{response.url}: the answer is no JSON") from error
    if not isinstance(answer, dict):
        raise EndpointError(f"{response.url}: the answer is no JSON object")
    return answer


def _error_message(response: urllib3.BaseHTTPResponse) -> str:
    body = response.read(65_536)
    try:
        answer = json.loads(body)
        error = answer.get("error")
        return str(error["message"] if isinstance(error, dict) else answer.get("message", answer))
    except (ValueError, AttributeError, KeyError):
        return body.decode("utf-8", "replace")[:500] or "(empty)"


def _events(response: urllib3.BaseHTTPResponse) -> Iterator[dict[str, Any]]:
    """Parse server-sent events; comments (keep-alive) are passed over."""
    buffer = b""
    for chunk in response.stream(8192, decode_content=True):
        buffer += chunk
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            data = line.removeprefix(b"data:").strip()
            if line.startswith(b"data:") and data != b"[DONE]":
                yield json.loads(data)
