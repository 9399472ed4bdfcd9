"""Decodes one line with care: its faults, and the example in it if there is one."""

from __future__ import annotations

from typing import Any

import msgspec

from llmstrat_iac.datasets.example import Example, ShapeError, read_example
from llmstrat_iac.datasets.findings import NOT_JSON, NOT_UTF8, NUL
from llmstrat_iac.datasets.judge import Problem, problems
from llmstrat_iac.datasets.rules import VendorRules

_decode = msgspec.json.Decoder().decode


def examine(line: bytes, rules: VendorRules) -> tuple[list[Problem], Example | None]:
    """All faults of a line, and its example unless it has no usable shape."""
    faults, value = decode_line(line)
    if faults:
        return faults, None
    try:
        example = read_example(value)
    except ShapeError as error:
        return [(error.rule, str(error))], None
    return list(problems(example, rules)), example


def decode_line(line: bytes) -> tuple[list[Problem], Any]:
    """The JSON value of a line, or the one fault that hides it."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return [(NOT_UTF8, f"byte {error.start + 1} of the line (0x{line[error.start]:02x}) isn't UTF-8")], None
    if b"\0" in line:
        return [(NUL, f"byte {line.index(0) + 1} of the line is a NUL")], None
    try:
        return [], _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return [(NOT_JSON, f"{_reason(line, str(error))} (the line starts with {_start(line)})")], None


def _reason(line: bytes, error: str) -> str:
    if not line.lstrip().startswith(b"{"):
        return "the line isn't a JSON object"
    return "the JSON stops before its end" if "truncated" in error else error


def _start(line: bytes) -> str:
    return repr(line[:40].decode(errors="replace"))
