"""Whether a vendor's rules take one example, and why not: the one place that words these findings.

`problems()` is the reference. A checker may skip it only for an example that it knows to be fine.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from llmstrat_iac.datasets.example import MESSAGE_KEYS, TOOL_KEYS, Example
from llmstrat_iac.datasets.findings import (
    EMPTY,
    EXTRA_KEY,
    METHOD,
    NUL,
    RESERVED_WORD,
    ROLES,
    SAME_ANSWERS,
    SINGLE_TURN,
    TOOLS,
    UNUSED_KEY,
    Rule,
)
from llmstrat_iac.datasets.reserved import ReservedWords
from llmstrat_iac.datasets.rules import Method, VendorRules

Problem = tuple[Rule, str]

ROLE_ALIASES = {
    "human": "user",
    "model": "assistant",
    "bot": "assistant",
    "gpt": "assistant",
    "ai": "assistant",
    "developer": "system",
}


def problems(example: Example, rules: VendorRules) -> Iterator[Problem]:
    """Every way in which the example breaks the rules."""
    if example.preference is not (rules.method is Method.PREFERENCE):
        kind = "a preference pair" if example.preference else "an example with one answer"
        yield METHOD, f"{kind}, but the method is {rules.method}"
        return
    yield from role_problems(example.roles, rules)
    yield from _text_problems(example)
    yield from _key_problems(example, rules)
    if rules.reserved_words:
        for word in words_of(rules).find("\n".join(example.texts)):
            yield RESERVED_WORD, f"`{word}` is reserved by {rules.title}: a file that has it anywhere is refused"


@lru_cache(maxsize=1024)
def role_problems(roles: tuple[str, ...], rules: VendorRules) -> tuple[Problem, ...]:
    """What is wrong with the roles and their order. Remembered: a dataset has few different orders."""
    for index, role in enumerate(roles):
        if role not in rules.roles:
            return (_unknown_role(index, role, rules),)
    turns = roles[1:] if roles[0] == "system" else roles
    if "system" in turns:
        return ((ROLES, f"messages[{roles.index('system', 1)}] is a system message, which may only come first"),)
    return (*_order(turns, rules), *_count(turns, rules))


@lru_cache(maxsize=64)
def words_of(rules: VendorRules) -> ReservedWords:
    """The reserved words of some rules, ready to search."""
    return ReservedWords(word for word, _ in rules.reserved_words)


def _unknown_role(index: int, role: str, rules: VendorRules) -> Problem:
    if role == "tool":
        return TOOLS, f"messages[{index}] is a tool's answer, which {rules.title} doesn't train on"
    meant = ROLE_ALIASES.get(role.lower(), role.lower())
    hint = f"did you mean `{meant}`?" if meant in rules.roles else f"roles are {', '.join(sorted(rules.roles))}"
    return ROLES, f"messages[{index}] has the role `{role}`; {hint}"


def _order(turns: tuple[str, ...], rules: VendorRules) -> Iterator[Problem]:
    if not turns:
        yield ROLES, "there is only a system message"
        return
    if rules.alternates:
        for index, role in enumerate(turns):
            expected = "user" if index % 2 == 0 else "assistant"
            if role != expected:
                yield ROLES, f"turn {index + 1} is `{role}`, but it must be `{expected}`: the user starts, then in turn"
                break
    if rules.method is Method.SUPERVISED and turns[-1] != "assistant":
        yield ROLES, f"the last turn is `{turns[-1]}`, so there is no answer to learn; it must be `assistant`"
    if rules.method is Method.PREFERENCE and turns[-1] == "assistant":
        yield ROLES, "the last turn is `assistant`; a preference pair ends with the question that both answers answer"


def _count(turns: tuple[str, ...], rules: VendorRules) -> Iterator[Problem]:
    answers = turns.count("assistant") + (rules.method is Method.PREFERENCE)
    if rules.single_turn and answers > 1:
        yield SINGLE_TURN, f"{answers} answers in one example; {rules.title} takes one prompt and one answer"


def _text_problems(example: Example) -> Iterator[Problem]:
    for index, message in enumerate(example.messages):
        text = message.get("content")
        if not message.get("tool_calls") and (not text or text.isspace()):
            yield EMPTY, f"messages[{index}] ({message['role']}) has no text"
    for name, text in (("chosen", example.chosen), ("rejected", example.rejected)):
        if text is not None and (not text or text.isspace()):
            yield EMPTY, f"`{name}` has no text"
    if example.preference and example.chosen == example.rejected:
        yield SAME_ANSWERS, "`chosen` and `rejected` are the same"
    if any("\0" in text for text in example.texts):
        yield NUL, "a text has the character U+0000"


def _key_problems(example: Example, rules: VendorRules) -> Iterator[Problem]:
    unknown = [f"`{key}`" for key in example.extra if key not in rules.record_keys]
    for index, message in enumerate(example.messages):
        if len(message) == 2:  # role and content
            continue
        keys = [key for key in message if key not in MESSAGE_KEYS and key not in rules.message_keys]
        if "tool_calls" in keys:
            yield TOOLS, f"messages[{index}] calls tools, which {rules.title} doesn't train on"
        unknown += [f"`messages[{index}].{key}`" for key in keys if key not in TOOL_KEYS]
    if unknown:
        rule = EXTRA_KEY if rules.extra_keys_fail else UNUSED_KEY
        yield rule, f"{', '.join(unknown[:5])} {'is' if len(unknown) == 1 else 'are'} no part of {rules.title}'s format"
