"""How `llmstrat data` prints: the files, what training costs, findings by rule, and the account of a repair."""

from __future__ import annotations

from itertools import groupby

import click
from rich.console import Console

from llmstrat_iac.cli.render import print_table, table
from llmstrat_iac.cli.text import UNKNOWN, count, money
from llmstrat_iac.datasets.findings import DatasetFinding
from llmstrat_iac.datasets.fix import FixReport
from llmstrat_iac.datasets.report import DatasetReport
from llmstrat_iac.datasets.tokens import training_usd
from llmstrat_iac.plan import Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def print_report(report: DatasetReport, out: Console, epochs: int | None, usd_per_mtok: float | None) -> None:
    """Print one check: files, tokens, cost, findings, verdict."""
    click.echo(f"{report.vendor}/{report.models}  {report.method}  {report.format}\n")
    _print_files(report, out)
    click.echo(f"\n  tokens    {report.token_basis}")
    longest = report.train.longest
    if longest is not None:
        click.echo(
            f"  longest   {report.train.file}:{longest.line}  {longest.bytes:,} bytes, about {longest.tokens:,} tokens"
        )
    click.echo(f"  training  {_cost(report.train.tokens, epochs, usd_per_mtok)}")
    click.echo(f"  identity  {report.identity}")
    if report.findings:
        click.echo()
        for rule, findings in groupby(report.findings, key=lambda finding: finding.rule):
            _print_rule(list(findings), report.counts[rule])
    click.echo()
    click.echo(_verdict(report))


def print_fix(fixed: FixReport, out: Console) -> None:
    """Print what a repair dropped and changed, and why."""
    dropped, changed = sum(fixed.dropped.values()), sum(fixed.changed.values())
    click.echo(
        f"\n{fixed.out}: {count_of(fixed.kept, 'example')} kept, {dropped:,} dropped, {count_of(changed, 'repair')}"
    )
    shown = table("  rule", "dropped", "repaired", right=("dropped", "repaired"))
    for rule in dict.fromkeys((*fixed.dropped, *fixed.changed)):
        shown.add_row(f"  {rule}", f"{fixed.dropped.get(rule, 0):,}", f"{fixed.changed.get(rule, 0):,}")
    if dropped or changed:
        print_table(out, shown)
    for note in fixed.notes:
        act = "dropped" if note.dropped else "repaired"
        click.echo(f"  {fixed.source}:{note.line} {act} ({note.rule}): {note.why}")
    click.echo()


def count_of(number: int, noun: str) -> str:
    """`1 example`, `2,000 examples`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _print_files(report: DatasetReport, out: Console) -> None:
    names = ("examples", "faulty", "MB", "tokens")
    shown = table("  file", *names, right=names, wrap=("  file",))
    for file in filter(None, (report.train, report.validation)):
        shown.add_row(
            f"  {file.file}", f"{file.examples:,}", f"{file.faulty:,}", f"{file.bytes / 1e6:,.1f}", f"{file.tokens:,}"
        )
    print_table(out, shown)


def _cost(tokens: int, epochs: int | None, usd_per_mtok: float | None) -> str:
    passes = f"{count(epochs, 'epoch')}" if epochs else "one epoch"
    price = UNKNOWN if usd_per_mtok is None else f"{usd_per_mtok:,.2f}"
    usd = money(training_usd(tokens, epochs or 1, usd_per_mtok))
    return f"{tokens:,} tokens, {passes}, {price} USD per million = {usd} USD"


def _print_rule(findings: list[DatasetFinding], total: int) -> None:
    for finding in findings:
        head = click.style(str(finding.severity), fg=_COLOURS[finding.severity], bold=True)
        click.echo(f"{head} {finding.rule} {finding.where}: {finding.message}")
    if total > len(findings):
        click.echo(f"  and {total - len(findings):,} more")
    click.echo(f"  → {findings[0].remedy}")


def _verdict(report: DatasetReport) -> str:
    if report.errors:
        return click.style(f"{count_of(report.errors, 'error')}: a job on this data would fail.", fg="red", bold=True)
    return click.style(f"{report.vendor} can train on this.", fg="green", bold=True)
