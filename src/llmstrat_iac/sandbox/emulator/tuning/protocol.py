"""Our own operations in AWS's two JSON protocols: a request becomes checked arguments, an answer or error goes back.

A handler takes the arguments by their wire names and returns the answer's members; times are epoch seconds in both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from llmstrat_iac.sandbox.emulator.tuning.shapes import complaints, service_model
from llmstrat_iac.sandbox.jobs import at_one_moment

Arguments = dict[str, Any]
Handler = Callable[[Arguments], Mapping[str, Any]]
Response = tuple[int, dict[str, str], bytes]
_SHOWN_COMPLAINTS = 5


class ApiError(Exception):
    """An error of the service, by its code."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class PassOnError(Exception):
    """The request is about something that isn't ours: upstream answers it."""


def refuse(kind: str | None, *, quota: str, message: str) -> None:
    """Raise what an injected refusal of creation stands for; `quota` is the service's code for an exhausted one."""
    if kind == "quota":
        raise ApiError(quota, message)
    if kind == "429":
        raise ApiError("ThrottlingException", "Rate exceeded", 429)
    if kind == "500":
        raise ApiError("InternalServerException", "The server encountered an internal error.", 500)


@dataclass(frozen=True)
class RestApi:
    """A rest-json service's operations by name; requests for others are somebody else's."""

    service: str
    handlers: Mapping[str, Handler]

    @cached_property
    def _routes(self) -> list[tuple[str, re.Pattern[str], str]]:
        model = service_model(self.service)
        routes = []
        for name in self.handlers:
            http = model.operation_model(name).http
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(http["requestUri"]))
            routes.append((str(http["method"]), re.compile(pattern), name))
        # `…/{id}/stop` before `…/{id}`, because an id may be an ARN with slashes.
        return sorted(routes, key=lambda route: -len(route[1].pattern))

    def answer(self, method: str, path: str, body: bytes, query: Mapping[str, list[str]]) -> Response | None:
        """The answer to a request, or None if upstream is to answer it."""
        for verb, pattern, name in self._routes:
            found = pattern.fullmatch(path) if verb == method else None
            if found:
                try:
                    return self._call(name, found.groupdict(), body, query)
                except PassOnError:
                    return None
        return None

    def _call(self, name: str, in_path: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]) -> Response:
        operation = service_model(self.service).operation_model(name)
        try:
            arguments = _parse(body) | {key: unquote(value) for key, value in in_path.items()}
            arguments |= _from_query(operation, query)
            _check(operation, arguments)
            with at_one_moment():
                result = {key: value for key, value in self.handlers[name](arguments).items() if value is not None}
        except ApiError as error:
            headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
            return error.status, headers, json.dumps({"message": error.message, "__type": error.code}).encode()
        text = json.dumps(_dated(result, operation.output_shape), separators=(",", ":"))
        return int(operation.http["responseCode"]), {"Content-Type": "application/json"}, text.encode()


@dataclass(frozen=True)
class JsonApi:
    """A JSON-1.1 service's operations by name."""

    service: str
    handlers: Mapping[str, Handler]

    def answer(self, target: str, body: bytes) -> Response:
        """The answer to the request that `X-Amz-Target` names."""
        name = target.partition(".")[2]
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        try:
            if name not in self.handlers:
                raise ApiError("UnknownOperationException", f"the sandbox's {self.service} doesn't serve {name}")
            result = self.call(name, _parse(body))
        except ApiError as error:
            return error.status, headers, json.dumps({"__type": error.code, "message": error.message}).encode()
        return 200, headers, json.dumps(result, separators=(",", ":")).encode()

    def call(self, name: str, arguments: Arguments) -> dict[str, Any]:
        """The members of an operation's answer to checked arguments; raises ApiError."""
        _check(service_model(self.service).operation_model(name), arguments)
        with at_one_moment():
            return {key: value for key, value in self.handlers[name](arguments).items() if value is not None}


def page(items: list[Any], arguments: Arguments, *, size: str, token: str) -> tuple[list[Any], str | None]:
    """One page of a list and the token of the next; `size` and `token` are the arguments' names."""
    start = int(arguments.get(token) or 0)
    end = start + int(arguments.get(size) or 100)
    return items[start:end], str(end) if end < len(items) else None


def _parse(body: bytes) -> Arguments:
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", "the body isn't JSON") from error
    if not isinstance(value, dict):
        raise ApiError("SerializationException", "the body isn't a JSON object")
    return value


def _from_query(operation: Any, query: Mapping[str, list[str]]) -> Arguments:
    """Query arguments by member name, numbers as such."""
    result: Arguments = {}
    for name, member in operation.input_shape.members.items():
        if member.serialization.get("location") == "querystring":
            texts = query.get(member.serialization.get("name", name))
            if texts:
                result[name] = int(texts[0]) if member.type_name == "integer" else texts[0]
                if member.type_name == "boolean":
                    result[name] = texts[0] == "true"
    return result


def _check(operation: Any, arguments: Arguments) -> None:
    found = list(complaints(operation.input_shape, arguments)) if operation.input_shape else []
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise ApiError("ValidationException", f"{count}: {'; '.join(found[:_SHOWN_COMPLAINTS])}")


def _dated(value: Any, shape: Any) -> Any:
    """Epoch seconds as rest-json's ISO 8601, wherever the answer's shape has a time."""
    if shape is None or value is None:
        return value
    if shape.type_name == "timestamp" and isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if shape.type_name == "structure" and isinstance(value, dict):
        return {key: _dated(item, shape.members.get(key)) for key, item in value.items() if item is not None}
    if shape.type_name == "list" and isinstance(value, list):
        return [_dated(item, shape.member) for item in value]
    return value
