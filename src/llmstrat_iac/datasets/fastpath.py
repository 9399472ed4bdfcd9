"""Reads the lines that are plainly fine, quickly; returns None for all others, which are then judged with care.

What it accepts must be a subset of what `judge.problems()` accepts; a test holds it to that.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from llmstrat_iac.datasets.judge import role_problems, words_of
from llmstrat_iac.datasets.rules import Method, VendorRules

_MAX_REMEMBERED = 1024
RolesAndTexts = tuple[tuple[str, ...], tuple[str, ...]]


class _Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant"]
    """Other roles need care. A literal gives the same string each time, so its hash is computed once."""
    content: str


class _Record(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_Message] | UnsetType = UNSET
    prompt: str | UnsetType = UNSET
    completion: str | UnsetType = UNSET
    chosen: str | UnsetType = UNSET
    rejected: str | UnsetType = UNSET


def _unpack(messages: list[_Message]) -> RolesAndTexts:
    """Roles and texts; the two usual lengths are spelled out because that takes a third of the time."""
    match messages:
        case [first, second]:
            return (first.role, second.role), (first.content, second.content)
        case [first, second, third]:
            return (first.role, second.role, third.role), (first.content, second.content, third.content)
    return tuple([message.role for message in messages]), tuple([message.content for message in messages])


class FastReader:
    """Decodes lines for one set of rules."""

    def __init__(self, rules: VendorRules) -> None:
        self._decode = msgspec.json.Decoder(_Record).decode
        self._rules = rules
        self._preference = rules.method is Method.PREFERENCE
        self._reserved = words_of(rules)
        self._good: set[tuple[str, ...]] = set()

    def read(self, line: bytes) -> RolesAndTexts | None:
        """Roles and texts of a line that is fine; None if that isn't certain. Doesn't look into the texts."""
        try:
            record = self._decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        messages = record.messages
        if messages is UNSET or self._preference:
            roles, texts = self._read_other(record)
        elif record.completion is UNSET and record.prompt is UNSET and record.chosen is UNSET:
            roles, texts = _unpack(messages)
        else:
            return None
        if roles not in self._good and not self._fine(roles):
            return None
        return roles, texts

    def _read_other(self, record: _Record) -> RolesAndTexts:
        """Prompt and completion, or a pair; no roles if it is neither."""
        if not self._preference:
            if record.prompt is UNSET or record.completion is UNSET or record.chosen is not UNSET:
                return (), ()
            return ("user", "assistant"), (record.prompt, record.completion)
        chosen, rejected = record.chosen, record.rejected
        if chosen is UNSET or rejected is UNSET or chosen == rejected or record.completion is not UNSET:
            return (), ()
        if record.messages is UNSET:
            return ((), ()) if record.prompt is UNSET else (("user",), (record.prompt, chosen, rejected))
        if record.prompt is not UNSET:
            return (), ()
        roles, texts = _unpack(record.messages)
        return roles, (*texts, chosen, rejected)

    def _fine(self, roles: tuple[str, ...]) -> bool:
        if not roles or role_problems(roles, self._rules):
            return False
        if len(self._good) < _MAX_REMEMBERED:
            self._good.add(roles)
        return True

    def bad_texts(self, texts: Collection[str]) -> bool:
        """Whether any of the texts is empty or has a reserved word or a NUL; cheapest for many texts at once."""
        if "" in texts or True in map(str.isspace, texts):
            return True
        joined = "\n".join(texts).encode()
        return b"\0" in joined or self._reserved.within(joined)
