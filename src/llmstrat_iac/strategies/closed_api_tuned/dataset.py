"""The dataset in the plan: its check by the vendor's rules, as findings that name file and line."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.datasets.findings import DatasetError, DatasetFinding
from llmstrat_iac.datasets.report import DatasetReport
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.tuning import ResolvedTuning

MOST = 10
"""Findings shown of one dataset; `llmstrat data check` shows more."""


def check_data(tuning: ResolvedTuning) -> tuple[DatasetReport | None, tuple[Finding, ...]]:
    """The report, unless the files aren't to be read or aren't here, and what speaks against them."""
    missing = tuple(_missing(tuning))
    if missing:
        return None, missing
    try:
        report = tuning.report
    except DatasetError as error:
        return None, (_problem("dataset-unreadable", "train", error.message, error.remedy or ""),)
    return (report, tuple(_findings(tuning, report))) if report else (None, tuple(_unread(tuning)))


def _missing(tuning: ResolvedTuning) -> Iterator[Finding]:
    for key, source in (("train", tuning.train), ("validation", tuning.validation)):
        if source is not None and source.path is not None and not source.path.is_file():
            yield _problem(
                "dataset-missing",
                key,
                f"there is no file `{source.written}`",
                "the path is relative to the spec's folder",
            )


def _unread(tuning: ResolvedTuning) -> Iterator[Finding]:
    for key, source in (("train", tuning.train), ("validation", tuning.validation)):
        if source is not None and source.uri is not None:
            yield Finding(
                rule="dataset-not-checked",
                severity=Severity.WARNING,
                path=f"tuning.dataset.{key}",
                message=f"`{source.written}` isn't checked",
                reason="`plan` asks nobody, so size, tokens, cost and faults of the data are unknown",
                remedy="name a local file, or `aws s3 cp` it here and run `llmstrat data check` on it",
            )


def _findings(tuning: ResolvedTuning, report: DatasetReport) -> Iterator[Finding]:
    shown = report.findings[:MOST]
    command = f"llmstrat data check {tuning.train.path} --for {tuning.vendor}/{tuning.block.base_model}"
    told: set[str] = set()
    for found in shown:
        yield _of(tuning, found, 1 if found.rule in told else report.counts.get(found.rule, 1))
        told.add(found.rule)
    rest = sum(report.counts.values()) - len(shown)
    if rest > 0:
        severity = Severity.ERROR if report.errors else Severity.WARNING
        yield Finding(
            rule="dataset",
            severity=severity,
            path="tuning.dataset",
            message=f"{rest:,} more finding{'s' if rest > 1 else ''}",
            reason="",
            remedy=f"`{command}` lists more",
        )


def _of(tuning: ResolvedTuning, found: DatasetFinding, count: int) -> Finding:
    held_out = tuning.validation is not None and found.file == tuning.validation.written
    return Finding(
        rule=f"dataset-{found.rule}",
        severity=found.severity,
        path=f"tuning.dataset.{'validation' if held_out else 'train'}",
        message=f"{found.where}: {found.message}",
        reason=f"{count:,} such places in the dataset" if count > 1 else "",
        remedy=found.remedy,
    )


def _problem(rule: str, key: str, message: str, remedy: str) -> Finding:
    return Finding(
        rule, Severity.ERROR, f"tuning.dataset.{key}", message, "without the data nothing can be trained", remedy
    )
