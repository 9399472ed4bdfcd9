"""The neutral example: a chat, optionally with a preferred and a rejected answer; and how a JSON object becomes one.

`{"messages": [...]}`, `{"prompt", "completion"}` and `{"prompt" or "messages", "chosen", "rejected"}` all become the
same record. `read_example()` states every fault of an object's shape; whether a vendor takes it is judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmstrat_iac.datasets.findings import SHAPE, Rule

MESSAGE_KEYS = frozenset({"role", "content"})
TOOL_KEYS = frozenset({"tool_calls", "tool_call_id"})
RECORD_KEYS = frozenset({"messages", "prompt", "completion", "chosen", "rejected", "system"})

_VENDOR_KEYS = {
    "contents": "Gemini's",
    "systemInstruction": "Gemini's",
    "schemaVersion": "Amazon Nova's",
    "preferred_output": "OpenAI's preference",
    "conversations": "ShareGPT's",
    "instruction": "Alpaca's",
}


@dataclass(frozen=True)
class Example:
    """One example in the neutral form. `messages` hold at least `role` and `content`."""

    messages: tuple[Mapping[str, Any], ...]
    chosen: str | None = None
    rejected: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Other keys of the object, such as `tools`."""

    @property
    def preference(self) -> bool:
        """Whether this is a pair of answers to compare."""
        return self.chosen is not None

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts that are trained on, in order."""
        answers = () if self.chosen is None or self.rejected is None else (self.chosen, self.rejected)
        return (*(message.get("content") or "" for message in self.messages), *answers)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles in order."""
        return tuple(message["role"] for message in self.messages)

    @property
    def fingerprint(self) -> int:
        """Equal for examples that say the same, whatever their spelling in JSON."""
        return hash((self.roles, self.texts))

    def only(self, record_keys: frozenset[str], message_keys: frozenset[str]) -> Example:
        """The same example without other keys; those of a message in one fixed order."""
        messages = tuple(
            {
                "role": message["role"],
                **({"content": message["content"]} if "content" in message else {}),
                **{key: message[key] for key in sorted(message_keys) if key in message},
            }
            for message in self.messages
        )
        extra = {key: self.extra[key] for key in sorted(record_keys) if key in self.extra}
        return Example(messages, self.chosen, self.rejected, extra)


class ShapeError(ValueError):
    """An object isn't an example; `rule` and the message say why."""

    def __init__(self, message: str, rule: Rule = SHAPE) -> None:
        super().__init__(message)
        self.rule = rule


def read_example(value: Any) -> Example:
    """Turn a decoded JSON value into an example; ShapeError if it isn't one."""
    if not isinstance(value, dict):
        raise ShapeError(f"the line is {_kind(value)}, not an object")
    extra = {key: item for key, item in value.items() if key not in RECORD_KEYS}
    messages = tuple(_messages(value, extra))
    if "chosen" in value or "rejected" in value:
        return Example(messages, _answer(value, "chosen"), _answer(value, "rejected"), extra)
    return Example(messages, extra=extra)


def _messages(value: Mapping[str, Any], extra: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "system" in value:
        yield {"role": "system", "content": _text(value["system"], "`system`")}
    if "messages" in value and "prompt" in value:
        raise ShapeError("both `messages` and `prompt` are given")
    if "messages" in value:
        yield from _chat(value["messages"])
    elif "prompt" in value:
        yield from _prompt(value)
    else:
        raise ShapeError(_unknown_form(value, extra))


def _unknown_form(value: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    for key, owner in _VENDOR_KEYS.items():
        if key in value:
            return f"`{key}` belongs to {owner} format; give the neutral one, it is converted for you"
    return f"neither `messages` nor `prompt` is there (keys: {', '.join(sorted(extra)) or 'none'})"


def _chat(messages: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(messages, list):
        raise ShapeError(f"`messages` is {_kind(messages)}, not a list")
    if not messages:
        raise ShapeError("`messages` is empty")
    for index, message in enumerate(messages):
        yield _message(message, f"messages[{index}]")


def _prompt(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    prompt = value["prompt"]
    if isinstance(prompt, list):
        yield from _chat(prompt)
    else:
        yield {"role": "user", "content": _text(prompt, "`prompt`")}
    if "completion" in value:
        yield {"role": "assistant", "content": _text(value["completion"], "`completion`")}
    elif "chosen" not in value and "rejected" not in value:
        raise ShapeError("`prompt` is there, but neither `completion` nor `chosen` and `rejected`")


def _message(message: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(message, dict):
        raise ShapeError(f"{where} is {_kind(message)}, not an object")
    if not isinstance(message.get("role"), str):
        raise ShapeError(f"{where} has no `role`")
    if "content" not in message and "tool_calls" not in message:
        raise ShapeError(f"{where} has no `content`")
    content = message.get("content")
    if content is not None or "tool_calls" not in message:
        _text(content, f"{where}.content")
    return message


def _answer(value: Mapping[str, Any], key: str) -> str:
    answer = value.get(key)
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, dict) and answer.get("role", "assistant") == "assistant":
        answer = answer.get("content")
    if answer is None:
        raise ShapeError(f"a preference pair needs `{key}`")
    return _text(answer, f"`{key}`")


def _text(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        raise ShapeError(f"{where} is a list of parts; only text is trained on, as one string")
    raise ShapeError(f"{where} is {_kind(value)}, not a string")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", int: "a number"}
    return "null" if value is None else names.get(type(value), "a number")
