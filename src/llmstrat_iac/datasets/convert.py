"""Writes a dataset in a vendor's format: streaming, strict, and the same bytes for the same content every time.

It runs after a check and so takes no half-measures: the first line that the vendor's rules don't take is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from llmstrat_iac.datasets.atomic import replacing
from llmstrat_iac.datasets.examine import examine
from llmstrat_iac.datasets.findings import DatasetError
from llmstrat_iac.datasets.reader import LineReader, open_dataset
from llmstrat_iac.datasets.rules import VendorRules
from llmstrat_iac.plan import Severity


@dataclass(frozen=True)
class ConvertReport:
    """What was written, and from what."""

    examples: int
    bytes: int
    sha256: str
    """Of the file written."""
    source_sha256: str
    """Identity of the content that was read: compare it with the check's before a job is paid for."""


def converted_lines(source: Path | BinaryIO, rules: VendorRules, name: str | None = None) -> Iterator[bytes]:
    """The dataset in the vendor's format, a line (with its end) at a time; for an upload without a file."""
    with ExitStack() as stack:
        stream = stack.enter_context(open_dataset(source)) if isinstance(source, Path) else source
        yield from _convert(LineReader(stream, name or str(source)), rules, name or str(source))


def convert_file(source: Path | BinaryIO, out: Path, rules: VendorRules, name: str | None = None) -> ConvertReport:
    """Write the dataset in the vendor's format to `out`, whole or not at all."""
    with ExitStack() as stack:
        stream = stack.enter_context(open_dataset(source)) if isinstance(source, Path) else source
        reader = LineReader(stream, name or str(source))
        target = stack.enter_context(replacing(out))
        digest = hashlib.sha256()
        examples = size = 0
        for line in _convert(reader, rules, name or str(source)):
            target.write(line)
            digest.update(line)
            examples += 1
            size += len(line)
        if rules.max_bytes and size > rules.max_bytes.value:
            raise DatasetError(
                f"{name or source} becomes {size:,} bytes of {rules.format}; {rules.title} takes "
                f"{rules.max_bytes.value:,}",
                remedy="cut the file down",
            )
        return ConvertReport(examples, size, digest.hexdigest(), reader.sha256)


def _convert(reader: LineReader, rules: VendorRules, name: str) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for block in reader:
        for number, line in enumerate(block.lines, block.first_line):
            if not line.strip() and not block.oversize:
                continue
            faults, example = examine(line, rules)
            errors = [message for rule, message in faults if rule.severity is Severity.ERROR]
            if errors or example is None:
                raise DatasetError(
                    f"{name}:{number}: {errors[0]}",
                    remedy=f"`llmstrat data check {name} --for {rules.name}` lists all such lines; `--fix OUT` cleans",
                )
            yield encode(rules.convert(example.only(rules.record_keys, rules.message_keys))) + b"\n"
