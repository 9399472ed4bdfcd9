"""Operations of our own in AWS's two query protocols: parameters become checked arguments, an answer becomes XML.

Both directions follow the service's own model, so that whatever a request may hold can be kept and told again.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, PassOnError, Response
from llmstrat_iac.sandbox.emulator.tuning.shapes import complaints, service_model

Tree = dict[str, Any]
_HEADERS = {"Content-Type": "text/xml"}
_SHOWN_COMPLAINTS = 5
_NUMBERS: Mapping[str, Callable[[str], float]] = {"integer": int, "long": int, "float": float, "double": float}
# What EC2 calls a request that isn't of the model's form; query services say ValidationError.
_INVALID = {"ec2": "InvalidParameterValue"}


@dataclass(frozen=True)
class QueryApi:
    """A service's operations by name; requests for others are upstream's."""

    service: str
    handlers: Mapping[str, Handler]

    def answer(self, parameters: Mapping[str, str]) -> Response | None:
        """The answer to a request, or None if upstream is to answer it."""
        name = parameters.get("Action", "")
        if name not in self.handlers:
            return None
        operation = service_model(self.service).operation_model(name)
        ec2 = operation.service_model.protocol == "ec2"
        try:
            arguments = _arguments(operation, parameters, ec2=ec2)
            _check(operation, arguments, _INVALID.get(self.service, "ValidationError"))
            result = self.handlers[name](arguments)
        except PassOnError:
            return None
        except ApiError as error:
            return error.status, dict(_HEADERS), _error(error, ec2=ec2).encode()
        return 200, dict(_HEADERS), _document(operation, result, ec2=ec2).encode()


def parameters_of(body: bytes | str | None, query: Mapping[str, Any]) -> dict[str, str]:
    """A request's parameters, from its form and its query string."""
    result = {name: value[0] if isinstance(value, list) else str(value) for name, value in query.items()}
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    return result | dict(parse_qsl(text, keep_blank_values=True))


def _arguments(operation: Any, parameters: Mapping[str, str], *, ec2: bool) -> Arguments:
    tree: Tree = {}
    for name, value in parameters.items():
        if name in ("Action", "Version"):
            continue
        *path, last = name.split(".")
        holder = tree
        for step in path:
            below = holder.setdefault(step, {})
            holder = below if isinstance(below, dict) else holder
        holder.setdefault(last, value)
    shape = operation.input_shape
    return {} if shape is None else _structure(shape, tree, ec2=ec2)


def _structure(shape: Any, tree: Tree, *, ec2: bool) -> Arguments:
    result: Arguments = {}
    for name, member in shape.members.items():
        wire = member.serialization.get("queryName") or member.serialization.get("name", name)
        found = tree.get(wire[0].upper() + wire[1:] if ec2 else wire)
        if found is not None:
            result[name] = _value(member, found, ec2=ec2)
    return result


def _value(shape: Any, found: Any, *, ec2: bool) -> Any:
    below = found if isinstance(found, dict) else {}
    if shape.type_name == "structure":
        return _structure(shape, below, ec2=ec2)
    if shape.type_name == "list":
        return _list(shape, below, ec2=ec2)
    return None if isinstance(found, dict) else _scalar(shape.type_name, found)


def _scalar(kind: str, text: str) -> Any:
    """A number or truth value; a text that isn't one stays, for the check to name it."""
    if kind == "boolean":
        return text.lower() == "true"
    try:
        return _NUMBERS[kind](text) if kind in _NUMBERS else text
    except ValueError:
        return text


def _list(shape: Any, found: Tree, *, ec2: bool) -> list[Any]:
    if not ec2 and not shape.serialization.get("flattened"):
        below = found.get(shape.member.serialization.get("name", "member"))
        found = below if isinstance(below, dict) else {}
    numbered = sorted((int(key), item) for key, item in found.items() if key.isdigit())
    return [_value(shape.member, item, ec2=ec2) for _, item in numbered]


def _check(operation: Any, arguments: Arguments, code: str) -> None:
    if operation.input_shape is None:
        return
    found = list(complaints(_ByMember(operation.input_shape), arguments))
    if found:
        raise ApiError(code, "; ".join(found[:_SHOWN_COMPLAINTS]))


class _ByMember:
    """A shape whose members go by their model names; `complaints` looks for names on the wire."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        self.serialization: Mapping[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shape, name)

    @property
    def enum(self) -> list[str]:
        """No enum of types, which are newer than any model: the catalogue knows them."""
        return [] if self._shape.name == "InstanceType" else list(self._shape.enum)

    @property
    def members(self) -> Mapping[str, Any]:
        return {name: _ByMember(member) for name, member in self._shape.members.items()}

    @property
    def member(self) -> Any:
        return _ByMember(self._shape.member)

    @property
    def value(self) -> Any:
        return _ByMember(self._shape.value)


def _document(operation: Any, result: Mapping[str, Any], *, ec2: bool) -> str:
    from ministack.core.responses import new_uuid

    name, shape = operation.name, operation.output_shape
    content = "" if shape is None else _members(shape, result, ec2=ec2)
    space = operation.service_model.metadata["xmlNamespace"]
    if ec2:
        done = "" if content or shape is not None else "<return>true</return>"
        return f'<{name}Response xmlns="{space}"><requestId>{new_uuid()}</requestId>{content}{done}</{name}Response>'
    wrapper = shape.serialization.get("resultWrapper", f"{name}Result") if shape is not None else f"{name}Result"
    meta = f"<ResponseMetadata><RequestId>{new_uuid()}</RequestId></ResponseMetadata>"
    return f'<{name}Response xmlns="{space}"><{wrapper}>{content}</{wrapper}>{meta}</{name}Response>'


def _members(shape: Any, value: Mapping[str, Any], *, ec2: bool) -> str:
    return "".join(
        _element(member.serialization.get("name", name), member, value[name], ec2=ec2)
        for name, member in shape.members.items()
        if value.get(name) is not None
    )


def _element(tag: str, shape: Any, value: Any, *, ec2: bool) -> str:
    kind = shape.type_name
    if kind == "structure":
        return f"<{tag}>{_members(shape, value, ec2=ec2)}</{tag}>"
    if kind == "list":
        item = shape.member.serialization.get("name", "item" if ec2 else "member")
        if shape.serialization.get("flattened"):
            return "".join(_element(tag, shape.member, each, ec2=ec2) for each in value)
        return f"<{tag}>{''.join(_element(item, shape.member, each, ec2=ec2) for each in value)}</{tag}>"
    if kind == "boolean":
        return f"<{tag}>{str(bool(value)).lower()}</{tag}>"
    if kind == "blob":
        return f"<{tag}>{base64.b64encode(value).decode()}</{tag}>"
    return f"<{tag}>{escape(str(value))}</{tag}>"


def _error(error: ApiError, *, ec2: bool) -> str:
    content = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    if ec2:
        return f"<Response><Errors><Error>{content}</Error></Errors><RequestID>sandbox</RequestID></Response>"
    return f"<ErrorResponse><Error><Type>Sender</Type>{content}</Error><RequestId>sandbox</RequestId></ErrorResponse>"
