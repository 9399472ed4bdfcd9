"""Repairs one decoded example where that can be done without inventing anything; says which rules it repaired.

Repairs keep what was said. What would need a guess (a missing answer, a system message in the middle) is left broken,
and the caller drops it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from llmstrat_iac.datasets.example import MESSAGE_KEYS, RECORD_KEYS, TOOL_KEYS
from llmstrat_iac.datasets.findings import EXTRA_KEY, NUL, RESERVED_WORD, ROLES, SHAPE, UNUSED_KEY, Rule
from llmstrat_iac.datasets.judge import ROLE_ALIASES, words_of
from llmstrat_iac.datasets.rules import Method, VendorRules

_TEXT_KEYS = ("prompt", "completion", "chosen", "rejected", "system")


def repair(value: Any, rules: VendorRules) -> tuple[Any, list[Rule]]:
    """A repaired copy of a decoded line, and the rules that it broke before; the value itself if nothing was done."""
    if not isinstance(value, dict) or not ("messages" in value or "prompt" in value):
        return value, []
    done: list[Rule] = []
    fixed = _keys(value, RECORD_KEYS | rules.record_keys, rules, done)
    for key in ("messages", *_TEXT_KEYS):
        item = fixed.get(key)
        if isinstance(item, list) and _all_messages(item):
            fixed[key] = [_message(message, rules, done) for message in item]
        elif isinstance(item, str | list):
            fixed[key] = _text(item, rules, done)
    if isinstance(fixed.get("messages"), list) and _all_messages(fixed["messages"]):
        fixed["messages"] = _turns(fixed["messages"], rules, done)
    return (fixed, list(dict.fromkeys(done))) if done else (value, [])


def _all_messages(items: list[Any]) -> bool:
    return all(isinstance(item, dict) and isinstance(item.get("role"), str) for item in items)


def _keys(item: dict[str, Any], known: frozenset[str], rules: VendorRules, done: list[Rule]) -> dict[str, Any]:
    kept = {key: value for key, value in item.items() if key in known}
    if len(kept) < len(item):
        done.append(EXTRA_KEY if rules.extra_keys_fail else UNUSED_KEY)
    return kept


def _message(message: dict[str, Any], rules: VendorRules, done: list[Rule]) -> dict[str, Any]:
    # Tool calls carry meaning: an example that has them where they aren't taken is dropped, not stripped.
    fixed = _keys(message, MESSAGE_KEYS | TOOL_KEYS | rules.message_keys, rules, done)
    role = fixed["role"]
    if role not in rules.roles:
        meant = ROLE_ALIASES.get(role.lower(), role.lower())
        if meant in rules.roles:
            fixed["role"] = meant
            done.append(ROLES)
    if "content" in fixed:
        fixed["content"] = _text(fixed["content"], rules, done)
    return fixed


def _text(text: Any, rules: VendorRules, done: list[Rule]) -> Any:
    if isinstance(text, list):
        parts = [part["text"] for part in text if _is_text_part(part)]
        if not parts or len(parts) < len(text):
            return text
        text = "\n".join(parts)
        done.append(SHAPE)
    if not isinstance(text, str):
        return text
    if "\0" in text:
        text = text.replace("\0", "")
        done.append(NUL)
    found = words_of(rules).find(text)
    if found:
        done.append(RESERVED_WORD)
        spelling = dict(rules.reserved_words)
        for word in found:
            text = _replace(text, word, spelling[word])
    return text


def _is_text_part(part: Any) -> bool:
    return isinstance(part, dict) and set(part) <= {"type", "text"} and isinstance(part.get("text"), str)


def _replace(text: str, word: str, replacement: str) -> str:
    """Replace in any case; the case of what both have in common is kept."""
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, replacement, strict=False)))
    pattern = re.compile(re.escape(word), re.IGNORECASE | re.ASCII)
    return pattern.sub(lambda match: match.group()[:common] + replacement[common:], text)


def _turns(messages: list[dict[str, Any]], rules: VendorRules, done: list[Rule]) -> list[dict[str, Any]]:
    """Join turns of one speaker where they must alternate, and cut off what comes after the last answer."""
    fixed = _joined(messages) if rules.alternates else messages
    wanted: Callable[[str], bool] = (
        (lambda role: role == "assistant") if rules.method is Method.SUPERVISED else (lambda role: role != "assistant")
    )
    end = max((index + 1 for index, message in enumerate(fixed) if wanted(message["role"])), default=len(fixed))
    fixed = fixed[:end]
    if fixed != messages:
        done.append(ROLES)
    return fixed


def _joined(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    joined: list[dict[str, Any]] = []
    for message in messages:
        last = joined[-1] if joined else {}
        plain = set(message) | set(last) <= MESSAGE_KEYS
        texts = (last.get("content"), message.get("content"))
        if plain and last.get("role") == message["role"] and all(isinstance(text, str) and text for text in texts):
            joined[-1] = {**last, "content": "\n\n".join(str(text) for text in texts)}
        else:
            joined.append(message)
    return joined
