"""What commands print without tables: findings, money, counts, JSON. Light: it must not import rich."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click

from llmstrat_iac.plan import Finding, Severity

WIDTH = 100
UNKNOWN = "unknown"
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def columns(*, err: bool = False) -> int:
    """How wide lines may be: as the terminal, and at most 100; 100 where nobody looks."""
    stream = sys.stderr if err else sys.stdout
    return min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH) if stream.isatty() else WIDTH


def print_json(document: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_findings(findings: Iterable[Finding], *, err: bool = False) -> None:
    """Print each finding as `severity rule path: message`, its reason, and what to do."""
    width = columns(err=err)
    for finding in findings:
        severity = str(finding.severity)
        head = f"{severity} {finding.rule} {finding.path}: {finding.message}"
        lines = textwrap.fill(head, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        styled = click.style(severity, fg=_COLOURS[finding.severity], bold=True)
        click.echo(styled + lines.removeprefix(severity), err=err)
        for text in (finding.reason, finding.remedy and f"→ {finding.remedy}"):
            if text:
                click.echo(_wrap(text, width), err=err)


def findings_document(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings for `--json`."""
    return [{name: str(value) for name, value in asdict(finding).items()} for finding in findings]


def count(number: int, singular: str, plural: str | None = None) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def money(usd: float | None) -> str:
    """US dollars; small amounts keep two significant digits, so that they don't look like nothing."""
    if usd is None:
        return UNKNOWN
    if usd == 0 or abs(usd) >= 0.01:
        return f"{usd:,.2f}"
    return f"{usd:.2g}" if abs(usd) >= 0.0001 else "<0.0001"


def unit_price(usd: float | None) -> tuple[str, str]:
    """A price and what it is for: tiny ones are given for a million (`3.50`, `/M`)."""
    if usd is None:
        return UNKNOWN, ""
    scaled, per = (usd * 1e6, "/M") if usd < 0.001 else (usd, "")
    text = f"{scaled:,.3f}"
    return (text[:-1] if text.endswith("0") else text), per


def bar(level: int, most: int = 4) -> str:
    """`■■□□`: a level out of four."""
    return "■" * level + "□" * (most - level)


def _wrap(text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
