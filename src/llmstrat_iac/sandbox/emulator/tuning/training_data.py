"""Training files judged as Bedrock and SageMaker judge them when a job validates its data.

Only the defects that make a job fail; advice about good data is the toolkit's own business.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.tuning.bases import ANTHROPIC, LLAMA, NOVA

PROMPT_COMPLETION, PREFERENCE = "prompt-completion", "preference"
_NOVA_RESERVED = ("User:", "Bot:", "Assistant:", "System:", "<image>", "<video>", "[EOS]")


def defect(content: bytes, form: str) -> str | None:
    """The first defect, with its line, or None."""
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    if not lines:
        return "The training data is empty."
    for number, line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            return f"Line {number} isn't valid JSON."
        problem = _FORMS[form](record) if isinstance(record, dict) else "must be a JSON object"
        if problem:
            return f"Line {number}: {problem}."
    return None


def _nova(record: Mapping[str, Any]) -> str | None:
    if not record.get("schemaVersion"):
        return "`schemaVersion` is missing"
    blocks = [*(record.get("system") or []), *(b for m in _messages(record) for b in m.get("content") or [])]
    if not all(isinstance(block, dict) for block in blocks):
        return "content must be a list of blocks"
    text = "\n".join(str(block.get("text", "")) for block in blocks)
    reserved = next((word for word in _NOVA_RESERVED if word in text), None)
    return f"reserved word `{reserved}`" if reserved else _turns(record)


def _anthropic(record: Mapping[str, Any]) -> str | None:
    extra = sorted(set(record) - {"system", "messages"})
    return f"extraneous key `{extra[0]}`" if extra else _turns(record)


def _turns(record: Mapping[str, Any]) -> str | None:
    roles = [message.get("role") for message in _messages(record)]
    if len(roles) < 2 or len(roles) % 2:
        return "`messages` must start with user and end with assistant"
    wanted = ["user", "assistant"] * (len(roles) // 2)
    return None if roles == wanted else "roles must alternate between user and assistant"


def _messages(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = record.get("messages")
    return [message for message in given if isinstance(message, dict)] if isinstance(given, list) else []


def _texts(*names: str) -> Callable[[Mapping[str, Any]], str | None]:
    def check(record: Mapping[str, Any]) -> str | None:
        lacking = next((name for name in names if not isinstance(record.get(name), str) or not record[name]), None)
        return f"`{lacking}` must be a text" if lacking else None

    return check


_FORMS: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    NOVA: _nova,
    ANTHROPIC: _anthropic,
    LLAMA: _texts("prompt", "completion"),
    PROMPT_COMPLETION: _texts("prompt", "completion"),
    PREFERENCE: _texts("prompt", "chosen", "rejected"),
}
