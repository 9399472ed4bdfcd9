"""Writes a cleaned copy of a dataset and accounts for every example that it changed or dropped.

Lines that are fine are copied byte for byte. One streaming pass; the copy appears whole or not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from llmstrat_iac.datasets import findings as f
from llmstrat_iac.datasets.atomic import replacing
from llmstrat_iac.datasets.duplicates import FingerprintTable
from llmstrat_iac.datasets.examine import decode_line, examine
from llmstrat_iac.datasets.example import Example
from llmstrat_iac.datasets.reader import Block, LineReader, content_sha256, open_dataset
from llmstrat_iac.datasets.repair import repair
from llmstrat_iac.datasets.rules import VendorRules
from llmstrat_iac.datasets.tokens import TOKENS_PER_MESSAGE, token_counter
from llmstrat_iac.plan import Severity

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class FixNote:
    """What was done to one line of the source, and why."""

    line: int
    rule: str
    dropped: bool
    why: str


@dataclass(frozen=True)
class FixReport:
    """The account of a cleaned copy."""

    source: str
    out: str
    kept: int
    dropped: Mapping[str, int]
    """Rule to the number of examples dropped for it; each example counts once, for the first rule that it broke."""
    changed: Mapping[str, int]
    """Rule to the number of examples repaired; an example counts for each rule."""
    notes: tuple[FixNote, ...]
    """The first few of each rule."""
    sha256: str
    """Identity of the cleaned content."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return asdict(self)


def fix(
    source: Path | BinaryIO,
    out: Path,
    rules: VendorRules,
    *,
    validation: Path | BinaryIO | None = None,
    name: str | None = None,
    max_notes: int = 5,
) -> FixReport:
    """Write a cleaned copy of `source` to `out`, without the examples of `validation`."""
    if isinstance(source, Path) and out.resolve() == source.resolve():
        raise f.DatasetError(f"{out} is the file to clean", remedy="give another name for the cleaned copy")
    held_out = FingerprintTable()
    if validation is not None:
        _remember(validation, held_out, rules)
    cleaner = _Cleaner(rules, held_out, max_notes)
    with ExitStack() as stack:
        stream = stack.enter_context(open_dataset(source)) if isinstance(source, Path) else source
        reader = LineReader(stream, name or str(source))
        target = stack.enter_context(replacing(out))
        for block in reader:
            target.write(cleaner.clean(block))
        if reader.bom:
            cleaner.note(1, f.BOM, "the byte order mark is gone", dropped=False)
        if not cleaner.kept:
            raise f.DatasetError(
                f"nothing of {name or source} is left after the repair",
                remedy="`llmstrat data check` says what is wrong with it",
            )
    return FixReport(
        source=name or str(source),
        out=str(out),
        kept=cleaner.kept,
        dropped=dict(cleaner.dropped),
        changed=dict(cleaner.changed),
        notes=tuple(cleaner.notes),
        sha256=content_sha256(out),
    )


def _remember(source: Path | BinaryIO, table: FingerprintTable, rules: VendorRules) -> None:
    with ExitStack() as stack:
        stream = stack.enter_context(open_dataset(source)) if isinstance(source, Path) else source
        for block in LineReader(stream, "the validation file"):
            for number, line in enumerate(block.lines, block.first_line):
                _, example = examine(line, rules)
                if example is not None:
                    table.add(example.fingerprint, number)


class _Cleaner:
    """Cleans lines and keeps the account."""

    def __init__(self, rules: VendorRules, held_out: FingerprintTable, max_notes: int) -> None:
        self._rules = rules
        self._held_out = held_out
        self._seen = FingerprintTable()
        self._max_notes = max_notes
        self._count = token_counter(rules.tokenizer).count
        self.kept = 0
        self.dropped: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.notes: list[FixNote] = []

    def note(self, line: int, rule: f.Rule, why: str, *, dropped: bool) -> None:
        """Count one act, and keep it if it is among the first of its kind."""
        account = self.dropped if dropped else self.changed
        account[rule.name] += 1
        if account[rule.name] <= self._max_notes:
            self.notes.append(FixNote(line, rule.name, dropped, why))

    def clean(self, block: Block) -> bytes:
        """The cleaned lines of a block."""
        if block.oversize:
            self.note(block.first_line, f.LONG_LINE, "the line is too long to read", dropped=True)
            return b""
        if block.crlf:
            self.changed[f.CRLF.name] += block.crlf
        lines = (self._clean(line, number) for number, line in enumerate(block.lines, block.first_line))
        return b"".join(line + b"\n" for line in lines if line is not None)

    def _clean(self, line: bytes, number: int) -> bytes | None:
        if not line.strip():
            self.note(number, f.BLANK_LINE, "the empty line is gone", dropped=False)
            return None
        if b"\0" in line:
            line = line.replace(b"\0", b"")
            self.note(number, f.NUL, "NUL bytes are gone", dropped=False)
        faults, value = decode_line(line)
        if faults:
            self.note(number, *faults[0], dropped=True)
            return None
        fixed, repaired = repair(value, self._rules)
        if repaired:
            line = _encode(fixed)
        reason = self._reason_to_drop(line, number)
        if reason is not None:
            self.note(number, *reason, dropped=True)
            return None
        for rule in repaired:
            self.note(number, rule, _DONE.get(rule, "repaired"), dropped=False)
        self.kept += 1
        return line

    def _reason_to_drop(self, line: bytes, number: int) -> tuple[f.Rule, str] | None:
        faults, example = examine(line, self._rules)
        for rule, message in faults:
            if rule.severity is Severity.ERROR:
                return rule, message
        if example is None:
            return f.SHAPE, "not an example"
        if there := self._held_out.find(example.fingerprint):
            return f.LEAKAGE, f"is line {there} of the validation file, too"
        if self._too_long(line, example):
            return f.TOO_LONG, "has more tokens than the vendor takes"
        if first := self._seen.add(example.fingerprint, number):
            return f.DUPLICATE, f"says the same as line {first}"
        return None

    def _too_long(self, line: bytes, example: Example) -> bool:
        limit = self._rules.max_example_tokens
        if limit is None or len(line) <= limit.value:
            return False
        return self._count(list(example.texts)) + TOKENS_PER_MESSAGE * len(example.roles) > limit.value


_DONE = {
    f.UNUSED_KEY: "keys that the vendor doesn't take are gone",
    f.EXTRA_KEY: "keys that the vendor doesn't take are gone",
    f.RESERVED_WORD: "reserved words are spelled differently",
    f.ROLES: "roles have the vendor's names and order",
    f.SHAPE: "text parts are joined to one text",
    f.NUL: "NUL characters are gone",
}
