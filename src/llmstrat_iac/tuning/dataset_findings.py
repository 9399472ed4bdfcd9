"""The dataset in the plan: its check by the rules of whoever trains, as findings that name file and line; its size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from llmstrat_iac.datasets.findings import DatasetError, DatasetFinding
from llmstrat_iac.datasets.report import DatasetReport
from llmstrat_iac.plan import Finding, Severity, SizingLine
from llmstrat_iac.tuning.jobs import ManagedJob

MOST = 10
"""Findings shown of one dataset; `llmstrat data check` shows more."""


class CheckedJob(ManagedJob, Protocol):
    """A job whose dataset can be checked."""

    @property
    def report(self) -> DatasetReport | None:
        """The dataset checked; None if it is in S3 or isn't to be read. DatasetError if it can't be read."""


def check_data(job: CheckedJob, path: str, target: str) -> tuple[DatasetReport | None, tuple[Finding, ...]]:
    """The report, unless the files aren't to be read or aren't here, and what speaks against them.

    `path` is the dataset's in the spec; `target`, whose rules apply, as `llmstrat data check --for` takes it.
    """
    missing = tuple(_missing(job, path))
    if missing:
        return None, missing
    try:
        report = job.report
    except DatasetError as error:
        return None, (_problem("dataset-unreadable", f"{path}.train", error.message, error.remedy or ""),)
    return (report, tuple(_findings(job, report, path, target))) if report else (None, tuple(_unread(job, path)))


def size_dataset(job: CheckedJob, report: DatasetReport | None) -> Iterator[SizingLine]:
    """What is trained on."""
    source = job.train
    if report is None:
        why = "in S3: counted by nobody before the job" if source.uri else "not read"
        yield SizingLine("training data", "unknown", why)
        return
    examples = f"{report.train.examples:,} examples, {report.train.tokens:,} tokens"
    yield SizingLine("training data", examples, f"{source.written}; {report.token_basis}")
    if report.validation is not None:
        held_out = f"{report.validation.examples:,} examples, {report.validation.tokens:,} tokens"
        yield SizingLine("validation data", held_out, report.validation.file)
    yield SizingLine("identity of the job", job.identity, "of base, data, method and hyperparameters")


def _missing(job: CheckedJob, path: str) -> Iterator[Finding]:
    for key, source in (("train", job.train), ("validation", job.validation)):
        if source is not None and source.path is not None and not source.path.is_file():
            yield _problem(
                "dataset-missing",
                f"{path}.{key}",
                f"there is no file `{source.written}`",
                "the path is relative to the spec's folder",
            )


def _unread(job: CheckedJob, path: str) -> Iterator[Finding]:
    for key, source in (("train", job.train), ("validation", job.validation)):
        if source is not None and source.uri is not None:
            yield Finding(
                rule="dataset-not-checked",
                severity=Severity.WARNING,
                path=f"{path}.{key}",
                message=f"`{source.written}` isn't checked",
                reason="`plan` asks nobody, so size, tokens, cost and faults of the data are unknown",
                remedy="name a local file, or `aws s3 cp` it here and run `llmstrat data check` on it",
            )


def _findings(job: CheckedJob, report: DatasetReport, path: str, target: str) -> Iterator[Finding]:
    shown = report.findings[:MOST]
    command = f"llmstrat data check {job.train.path} --for {target}"
    told: set[str] = set()
    for found in shown:
        yield _of(job, found, path, 1 if found.rule in told else report.counts.get(found.rule, 1))
        told.add(found.rule)
    rest = sum(report.counts.values()) - len(shown)
    if rest > 0:
        severity = Severity.ERROR if report.errors else Severity.WARNING
        yield Finding(
            rule="dataset",
            severity=severity,
            path=path,
            message=f"{rest:,} more finding{'s' if rest > 1 else ''}",
            reason="",
            remedy=f"`{command}` lists more",
        )


def _of(job: CheckedJob, found: DatasetFinding, path: str, count: int) -> Finding:
    held_out = job.validation is not None and found.file == job.validation.written
    return Finding(
        rule=f"dataset-{found.rule}",
        severity=found.severity,
        path=f"{path}.{'validation' if held_out else 'train'}",
        message=f"{found.where}: {found.message}",
        reason=f"{count:,} such places in the dataset" if count > 1 else "",
        remedy=found.remedy,
    )


def _problem(rule: str, path: str, message: str, remedy: str) -> Finding:
    return Finding(rule, Severity.ERROR, path, message, "without the data nothing can be trained", remedy)
