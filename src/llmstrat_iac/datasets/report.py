"""What a check found out about a dataset: frozen data, printed by the CLI and read by `plan`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from llmstrat_iac.datasets.findings import DatasetFinding


@dataclass(frozen=True)
class LongestExample:
    """The example with the most bytes."""

    line: int
    bytes: int
    tokens: int


@dataclass(frozen=True)
class FileReport:
    """One file: what it holds, and the identity of its content."""

    file: str
    examples: int
    """Lines that hold something."""
    faulty: int
    """Examples with at least one error."""
    bytes: int
    tokens: int
    """Tokens of the examples without shape faults, in one epoch."""
    sha256: str
    """Identity of the content, independent of name, line ends and byte order mark."""
    longest: LongestExample | None


@dataclass(frozen=True)
class DatasetReport:
    """The whole answer of a check."""

    vendor: str
    models: str
    method: str
    format: str
    train: FileReport
    validation: FileReport | None
    token_basis: str
    tokens_exact: bool
    findings: tuple[DatasetFinding, ...]
    """The first ones of each rule."""
    counts: Mapping[str, int]
    """How often each rule was broken, shown or not."""
    errors: int

    @property
    def identity(self) -> str:
        """One number for the content of both files: the part of a job's identity that the data decides."""
        if self.validation is None:
            return self.train.sha256
        return hashlib.sha256(f"{self.train.sha256}+{self.validation.sha256}".encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {**asdict(self), "identity": self.identity}
