"""OpenAI chat requests as Bedrock Converse requests. Pure; what Converse can't express is refused, never dropped.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final

from .errors import UnsupportedError, bad_request

Json = dict[str, Any]
_IMAGE: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,(.*)", re.DOTALL)
_SETTINGS: Final = (("temperature", "temperature"), ("top_p", "topP"))
# Parameter -> the values that mean nothing and may be dropped.
_INEXPRESSIBLE: Final[dict[str, tuple[Any, ...]]] = {
    "n": (1,),
    "logprobs": (False,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "audio": (),
    "functions": ([],),
    "function_call": (),
    "web_search_options": (),
}


def converse_request(document: Json, model: str) -> Json:
    """The keyword arguments for Converse and ConverseStream."""
    for name, harmless in _INEXPRESSIBLE.items():
        value = document.get(name)
        if value is not None and value not in harmless:
            raise UnsupportedError("unsupported_parameter", f"this model doesn't take `{name}`", param=name)
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad_request("missing_messages", "messages must be a list with at least one message", param="messages")
    system, turns = _conversation(messages)
    request: Json = {"modelId": model, "messages": turns, "inferenceConfig": _settings(document)}
    if system:
        request["system"] = system
    tools = _tools(document)
    if tools:
        request["toolConfig"] = tools
    return request


def _settings(document: Json) -> Json:
    settings = {theirs: document[ours] for ours, theirs in _SETTINGS if document.get(ours) is not None}
    limit = document.get("max_completion_tokens", document.get("max_tokens"))
    if limit is not None:
        settings["maxTokens"] = limit
    stop = document.get("stop")
    if stop:
        settings["stopSequences"] = [stop] if isinstance(stop, str) else stop
    return settings


def _conversation(messages: list[Any]) -> tuple[list[Json], list[Json]]:
    """System texts, and turns that alternate between user and assistant as Converse wants them."""
    system: list[Json] = []
    turns: list[Json] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        if not isinstance(message, dict):
            raise bad_request("invalid_type", f"{path} must be an object", param=path)
        role = message.get("role")
        if role in ("system", "developer"):
            system += _content(message.get("content"), path)
            continue
        if role not in ("user", "assistant", "tool"):
            raise bad_request("invalid_role", f"{path}.role isn't one of system, user, assistant, tool", param=path)
        blocks = _tool_result(message, path) if role == "tool" else _spoken(message, path)
        speaker = "assistant" if role == "assistant" else "user"
        if turns and turns[-1]["role"] == speaker:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": speaker, "content": blocks})
    return system, turns


def _spoken(message: Json, path: str) -> list[Json]:
    blocks = _content(message.get("content"), path)
    for index, call in enumerate(message.get("tool_calls") or ()):
        blocks.append(_tool_use(call, f"{path}.tool_calls[{index}]"))
    if not blocks:
        raise bad_request("missing_content", f"{path}.content is empty", param=path)
    return blocks


def _tool_use(call: Any, path: str) -> Json:
    try:
        function = call["function"]
        arguments = json.loads(function.get("arguments") or "{}")
        return {"toolUse": {"toolUseId": call["id"], "name": function["name"], "input": arguments}}
    except (KeyError, TypeError, AttributeError, ValueError):
        message = f"{path} needs an id, a function's name, and its arguments as JSON"
        raise bad_request("invalid_tool_call", message, param=path) from None


def _tool_result(message: Json, path: str) -> list[Json]:
    identity = message.get("tool_call_id")
    if not isinstance(identity, str):
        raise bad_request("missing_tool_call_id", f"{path}.tool_call_id is missing", param=path)
    content = _content(message.get("content"), path) or [{"text": "(empty)"}]
    return [{"toolResult": {"toolUseId": identity, "content": content}}]


def _content(content: Any, path: str) -> list[Json]:
    """Blocks of a message; Converse refuses empty texts, so they are left out."""
    if content is None or isinstance(content, str):
        return [{"text": content}] if content else []
    if not isinstance(content, list):
        raise bad_request("invalid_type", f"{path}.content must be a string or a list of parts", param=path)
    blocks = [_part(part, f"{path}.content[{index}]") for index, part in enumerate(content)]
    return [block for block in blocks if block != {"text": ""}]


def _part(part: Any, path: str) -> Json:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return {"text": part["text"]}
    if kind == "image_url":
        holder = part.get("image_url")
        return _image(holder.get("url") if isinstance(holder, dict) else holder, path)
    raise UnsupportedError("unsupported_content", f"this model takes text and image_url parts, not {path}", param=path)


def _image(url: Any, path: str) -> Json:
    found = _IMAGE.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        message = f"{path}: this model takes images as data:image/(png|jpeg|gif|webp);base64 only"
        raise UnsupportedError("unsupported_image", message, param=path)
    try:
        data = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        raise bad_request("invalid_image", f"{path} is not valid base64", param=path) from None
    return {"image": {"format": found[1], "source": {"bytes": data}}}


def _tools(document: Json) -> Json | None:
    tools = document.get("tools")
    if not tools:
        return None
    try:
        specs = [{"toolSpec": _tool_spec(tool["function"])} for tool in tools]
    except (KeyError, TypeError, AttributeError):
        raise bad_request("invalid_tools", "tools must be a list of functions with names", param="tools") from None
    config: Json = {"tools": specs}
    choice = document.get("tool_choice")
    if choice == "required":
        config["toolChoice"] = {"any": {}}
    elif isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        config["toolChoice"] = {"tool": {"name": choice["function"].get("name")}}
    elif choice == "none":
        # Converse has no "none", and a conversation with tool blocks must keep its tools.
        return None if not _mentions_tools(document) else config
    return config


def _mentions_tools(document: Json) -> bool:
    return any(message.get("role") == "tool" or message.get("tool_calls") for message in document["messages"])


def _tool_spec(function: Json) -> Json:
    spec: Json = {
        "name": function["name"],
        "inputSchema": {"json": function.get("parameters") or {"type": "object", "properties": {}}},
    }
    if function.get("description"):
        spec["description"] = function["description"]
    return spec
