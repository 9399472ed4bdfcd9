"""Checks a dataset against a vendor's rules in one streaming pass with flat memory.

Most lines of most files are fine, and the pass is built for them: a line is decoded by msgspec into a closed struct,
its roles are looked up, its texts are fingerprinted. Whatever isn't plainly fine goes to `judge`, which knows why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePath
from typing import BinaryIO

from llmstrat_iac.datasets import findings as f
from llmstrat_iac.datasets.duplicates import FingerprintTable
from llmstrat_iac.datasets.examine import examine
from llmstrat_iac.datasets.fastpath import FastReader, RolesAndTexts
from llmstrat_iac.datasets.findings import Findings
from llmstrat_iac.datasets.reader import MAX_LINE_BYTES, Block, LineReader, open_dataset
from llmstrat_iac.datasets.report import DatasetReport, FileReport, LongestExample
from llmstrat_iac.datasets.rules import VendorRules
from llmstrat_iac.datasets.tokens import TOKENS_PER_MESSAGE, TokenCounter, TokenMeter, token_counter
from llmstrat_iac.plan import Severity

Source = Path | BinaryIO
Progress = Callable[[int], None]
"""Called with the number of bytes read so far, over all files."""


def check(
    source: Source,
    rules: VendorRules,
    *,
    validation: Source | None = None,
    max_findings: int = 5,
    name: str | None = None,
    validation_name: str | None = None,
    progress: Progress | None = None,
) -> DatasetReport:
    """Check a training file, and a validation file beside it. A stream needs a name for the findings."""
    found = Findings(max_findings)
    counter = token_counter(rules.tokenizer)
    held_out = FingerprintTable()
    report = None
    before = 0
    if validation is not None:
        run = _FilePass(rules, found, counter, held_out, None, validation_name or str(validation))
        report = run.read(validation, progress, 0)
        run.judge_validation(report)
        before = report.bytes
    train = _FilePass(
        rules, found, counter, FingerprintTable(), None if report is None else held_out, name or str(source)
    )
    train_report = train.read(source, progress, before)
    train.judge_training(train_report)
    return DatasetReport(
        vendor=rules.name,
        models=rules.models,
        method=rules.method.value,
        format=rules.format,
        train=train_report,
        validation=report,
        token_basis=counter.basis,
        tokens_exact=counter.exact,
        findings=found.shown,
        counts=found.counts,
        errors=found.errors,
    )


class _FilePass:
    """The state of one pass over one file."""

    def __init__(
        self,
        rules: VendorRules,
        found: Findings,
        counter: TokenCounter,
        seen: FingerprintTable,
        held_out: FingerprintTable | None,
        file: str,
    ) -> None:
        self._rules = rules
        self._found = found
        self._counter = counter
        self._seen = seen
        self._held_out = held_out
        self._file = file
        self._fast = FastReader(rules)
        self._examples = self._faulty = self._crlf = 0
        self._meter = TokenMeter(counter)
        self._longest = (0, b"")

    def read(self, source: Source, progress: Progress | None, before: int) -> FileReport:
        """Read the whole file."""
        with ExitStack() as stack:
            stream = stack.enter_context(open_dataset(source)) if isinstance(source, Path) else source
            reader = LineReader(stream, self._file)
            for block in reader:
                self._read_block(block)
                if progress is not None:
                    progress(before + reader.total)
        if self._crlf:
            self._add(f.CRLF, None, f"{self._crlf:,} lines end with CR LF")
        if reader.bom:
            self._add(f.BOM, 1, "the file starts with a byte order mark")
        line, longest = self._longest
        tokens = self._count(longest)
        return FileReport(
            file=self._file,
            examples=self._examples,
            faulty=self._faulty,
            bytes=reader.total,
            tokens=self._meter.total,
            sha256=reader.sha256,
            longest=LongestExample(line, len(longest), tokens) if line else None,
        )

    def _add(self, rule: f.Rule, line: int | None, message: str) -> None:
        self._found.add(rule, self._file, line, message)

    def _read_block(self, block: Block) -> None:
        if block.oversize:
            self._examples += 1
            self._faulty += 1
            self._add(f.LONG_LINE, block.first_line, f"the line is longer than {MAX_LINE_BYTES >> 20} MiB")
            return
        self._crlf += block.crlf
        lines, first = block.lines, block.first_line
        examples = list(map(self._fast.read, lines))
        texts = [text for example in examples if example is not None for text in example[1]]
        if self._fast.bad_texts(texts):
            self._forget_bad(examples)
        numbers: Sequence[int] = range(first, first + len(lines))
        if None in examples:
            for index, found in enumerate(examples):
                if found is None:
                    examples[index] = self._slow(lines[index], first + index)
            numbers = [number for number, found in zip(numbers, examples, strict=True) if found is not None]
            texts = [text for example in examples if example is not None for text in example[1]]
        self._examples += len(lines)
        self._compare([hash(example) for example in examples if example is not None], numbers)
        self._meter.add(texts, len(block.data))
        self._judge_lengths(block)

    def _forget_bad(self, examples: list[RolesAndTexts | None]) -> None:
        """Some text of the block isn't fine: leave its examples to the careful way."""
        for index, example in enumerate(examples):
            if example is not None and self._fast.bad_texts(example[1]):
                examples[index] = None

    def _compare(self, fingerprints: list[int], numbers: Sequence[int]) -> None:
        """Duplicates and leakage."""
        for number, earlier in self._seen.add_all(fingerprints, numbers):
            self._add(f.DUPLICATE, number, f"says the same as line {earlier}")
        if self._held_out is not None:
            for number, there in self._held_out.find_all(fingerprints, numbers):
                self._add(f.LEAKAGE, number, f"is line {there} of the validation file, too")

    def _slow(self, line: bytes, number: int) -> RolesAndTexts | None:
        """Judge a line that isn't plainly fine; its roles and texts if it can be counted."""
        if not line.strip():
            self._add(f.BLANK_LINE, number, "the line is empty")
            self._examples -= 1
            return None
        faults, example = examine(line, self._rules)
        for rule, message in faults:
            self._add(rule, number, message)
        self._faulty += any(rule.severity is Severity.ERROR for rule, _ in faults)
        return None if example is None else (example.roles, example.texts)

    def _judge_lengths(self, block: Block) -> None:
        """Remember the longest line, and find examples with too many tokens."""
        size = max(map(len, block.lines))
        if size > len(self._longest[1]):
            line = next(line for line in block.lines if len(line) == size)
            self._longest = block.first_line + block.lines.index(line), line
        limit = self._rules.max_example_tokens
        # A token is at least a byte, so only a line with more bytes than that can have too many tokens.
        if limit is None or size <= limit.value:
            return
        for number, line in enumerate(block.lines, block.first_line):
            tokens = self._count(line) if len(line) > limit.value else 0
            if tokens > limit.value:
                self._add(f.TOO_LONG, number, f"has about {tokens:,} tokens; {self._rules.title} takes {limit.value:,}")
                self._faulty += 1

    def _count(self, line: bytes) -> int:
        _, example = examine(line, self._rules)
        if example is None:
            return 0
        return self._counter.count(list(example.texts)) + TOKENS_PER_MESSAGE * len(example.roles)

    def judge_training(self, report: FileReport) -> None:
        """What only the whole training file shows."""
        rules, count = self._rules, report.examples
        if count == 0:
            self._add(f.NO_EXAMPLES, None, "the file has no examples")
        elif rules.min_examples and count < rules.min_examples.value:
            self._add(f.TOO_FEW, None, f"{count} examples; {rules.title} wants at least {rules.min_examples.value}")
        elif rules.advised_examples and count < rules.advised_examples.value:
            self._add(f.FEW, None, f"{count} examples; {rules.title} advises at least {rules.advised_examples.value}")
        if rules.max_examples and count > rules.max_examples.value:
            self._add(f.TOO_MANY, None, f"{count:,} examples; {rules.title} takes {rules.max_examples.value:,}")
        self._judge_file(report)

    def judge_validation(self, report: FileReport) -> None:
        """What only the whole validation file shows."""
        limit = self._rules.max_validation_examples
        if report.examples == 0:
            self._add(f.NO_EXAMPLES, None, "the file has no examples")
        if limit and report.examples > limit.value:
            self._add(f.TOO_MANY, None, f"{report.examples:,} validation examples; the limit is {limit.value:,}")
        self._judge_file(report)

    def _judge_file(self, report: FileReport) -> None:
        rules = self._rules
        if rules.max_bytes and report.bytes > rules.max_bytes.value:
            self._add(f.TOO_BIG, None, f"{report.bytes:,} bytes; {rules.title} takes {rules.max_bytes.value:,}")
        base = PurePath(self._file).name
        if rules.file_name and not re.fullmatch(rules.file_name, base):
            self._add(f.FILE_NAME, None, f"`{base}` has characters that {rules.title} refuses in a file name")
        if self._seen.full:
            self._add(
                f.DUPLICATES_PARTIAL, None, f"duplicates are searched among the first {self._seen.rows:,} examples"
            )
