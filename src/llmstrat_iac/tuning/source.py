"""The dataset of a tuning: where it is, what identifies its content, and whether it will do.

The dataset's reader is loaded only when somebody asks for a hash or a check.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmstrat_iac.datasets.report import DatasetReport
    from llmstrat_iac.datasets.rules import VendorRules


@dataclass(frozen=True)
class DatasetSource:
    """A training or validation file: local, or an S3 object whose content only AWS can tell."""

    written: str
    """As the spec has it."""
    path: Path | None
    """Of a local file; None for an S3 object."""
    fingerprint: str | None = None
    """Of an S3 object, once somebody asked AWS: `dataclasses.replace(source, fingerprint=…)`."""

    @property
    def uri(self) -> str | None:
        """`s3://…`, or None for a local file."""
        return self.written if self.path is None else None

    @cached_property
    def content_hash(self) -> str | None:
        """Identity of the content: SHA-256 as of the first time it is asked for; None if only AWS can tell.

        DatasetError if the file isn't there.
        """
        if self.path is None:
            return self.fingerprint
        from llmstrat_iac.datasets.reader import LineReader, open_dataset

        with open_dataset(self.path) as stream:
            reader = LineReader(stream, self.written)
            for _ in reader:
                pass
        return reader.sha256


def check_dataset(train: DatasetSource, validation: DatasetSource | None, rules: VendorRules) -> DatasetReport:
    """Check local files in one pass each. DatasetError if they can't be read, or aren't what was hashed before."""
    from llmstrat_iac.datasets.check import check
    from llmstrat_iac.datasets.findings import DatasetError

    assert train.path is not None, "checked by the caller"
    report = check(
        train.path,
        rules,
        validation=validation.path if validation else None,
        name=train.written,
        validation_name=validation.written if validation else None,
    )
    for source, read in ((train, report.train), (validation, report.validation)):
        if source is not None and read is not None and source.content_hash != read.sha256:
            raise DatasetError(f"{source.written} changed while it was read", remedy="try again when it is at rest")
    return report
