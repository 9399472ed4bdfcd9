"""`llmstrat data`: check a training file against a vendor's rules, offline; clean it; convert it to their format."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from llmstrat_iac.catalog.tunable_models import tunable_models
from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.text import print_json
from llmstrat_iac.datasets.check import Progress, check
from llmstrat_iac.datasets.convert import convert_file
from llmstrat_iac.datasets.findings import DatasetError
from llmstrat_iac.datasets.fix import FixReport, fix
from llmstrat_iac.datasets.report import DatasetReport
from llmstrat_iac.datasets.rules import Method, VendorRules, find_rules
from llmstrat_iac.datasets.tokens import training_usd
from llmstrat_iac.datasets.vendors import VENDOR_RULES

_PROGRESS_FROM_BYTES = 50_000_000

_file = click.argument("file")
_for = click.option("--for", "target", required=True, metavar="VENDOR[/MODEL]", help="Whose rules apply.")
_method = click.option(
    "--method",
    type=click.Choice([method.value for method in Method]),
    default=Method.SUPERVISED.value,
    show_default=True,
)


@click.group("data")
def command() -> None:
    """Check, clean and convert training data. Needs no credentials or network."""


@command.command("check")
@_file
@_for
@_method
@click.option("--validation", metavar="FILE", help="Validation file: checked as well, and compared with FILE.")
@click.option("--fix", "out", type=click.Path(path_type=Path), metavar="OUT", help="Write a cleaned copy to OUT.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the data, for the cost.")
@click.option(
    "--usd-per-mtok", type=click.FloatRange(min=0), help="Price of a million training tokens, if not the known one."
)
@click.option("--max-findings", type=click.IntRange(min=1), default=5, show_default=True, help="Shown for each rule.")
@json_option
def check_command(
    file: str,
    target: str,
    method: str,
    validation: str | None,
    out: Path | None,
    epochs: int | None,
    usd_per_mtok: float | None,
    max_findings: int,
    as_json: bool,
) -> int:
    """Check FILE (JSONL, `-` for standard input) against a vendor's rules. Exit code 1 if a job would fail."""
    rules = _rules(target, method)
    usd_per_mtok = _known_price(target) if usd_per_mtok is None else usd_per_mtok
    source = _source(file)
    held_out = None if validation is None else Path(validation)
    if out is not None and not isinstance(source, Path):
        raise DatasetError("`--fix` reads the data twice, so it needs a file", remedy="save standard input to a file")
    with _progress(source, held_out) as progress:
        report = check(
            source, rules, validation=held_out, max_findings=max_findings, name=_name(file), progress=progress
        )
    fixed = after = None
    if out is not None and isinstance(source, Path):
        fixed = fix(source, out, rules, validation=held_out, max_notes=max_findings)
        after = check(out, rules, validation=held_out, max_findings=max_findings)
    if as_json:
        print_json(_document(report, fixed, after, epochs, usd_per_mtok))
    else:
        _print(report, fixed, after, epochs, usd_per_mtok)
    return 1 if (after or report).errors else 0


@command.command("convert")
@_file
@click.argument("out", type=click.Path(path_type=Path))
@_for
@_method
@json_option
def convert_command(file: str, out: Path, target: str, method: str, as_json: bool) -> int:
    """Write FILE to OUT in the vendor's format, just as `up` uploads it."""
    rules = _rules(target, method)
    report = convert_file(_source(file), out, rules, _name(file))
    if as_json:
        print_json({"out": str(out), "format": rules.format, "examples": report.examples, "bytes": report.bytes})
    else:
        click.echo(f"{out}: {report.examples:,} examples, {report.bytes:,} bytes, {rules.format}")
    return 0


def _rules(target: str, method: str) -> VendorRules:
    vendor, _, model = target.partition("/")
    return find_rules(VENDOR_RULES, vendor, model or None, Method(method))


def _known_price(target: str) -> float | None:
    vendor, _, model = target.partition("/")
    return next((base.usd_per_mtok_training for base in tunable_models(vendor) if base.id == model), None)


def _source(file: str) -> Path | BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    if file.startswith("s3://"):
        raise DatasetError(
            f"{file} isn't a local file", remedy=f"stream it in: `aws s3 cp {file} - | llmstrat data check - --for …`"
        )
    return Path(file)


def _name(file: str) -> str:
    return "standard-input" if file == "-" else file


@contextmanager
def _progress(*sources: Path | BinaryIO | None) -> Iterator[Progress | None]:
    """A progress bar on a terminal, for files that take a while."""
    total = sum(path.stat().st_size for path in sources if isinstance(path, Path) and path.is_file())
    if total < _PROGRESS_FROM_BYTES or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress("checking", *columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def _document(
    report: DatasetReport,
    fixed: FixReport | None,
    after: DatasetReport | None,
    epochs: int | None,
    usd_per_mtok: float | None,
) -> dict[str, object]:
    usd = training_usd((after or report).train.tokens, epochs or 1, usd_per_mtok)
    return {
        "report": report.as_dict(),
        "fix": None if fixed is None else fixed.as_dict(),
        "after_fix": None if after is None else after.as_dict(),
        "training": {"epochs": epochs or 1, "usd_per_mtok": usd_per_mtok, "usd": usd},
    }


def _print(
    report: DatasetReport,
    fixed: FixReport | None,
    after: DatasetReport | None,
    epochs: int | None,
    usd_per_mtok: float | None,
) -> None:
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.render_dataset import print_fix, print_report

    out = console()
    print_report(report, out, epochs, usd_per_mtok)
    if fixed is not None and after is not None:
        print_fix(fixed, out)
        print_report(after, out, epochs, usd_per_mtok)
