"""How `llmstrat models --tunable` shows what vendors tune."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from llmstrat_iac.cli.text import UNKNOWN, count, unit_price
from llmstrat_iac.tuning import TunableBase


def bases_document(rows: list[tuple[str, TunableBase]]) -> list[dict[str, Any]]:
    """Plain data for `--json`."""
    return [
        {"provider": provider}
        | {name: str(value) if isinstance(value, date) else value for name, value in asdict(base).items()}
        for provider, base in rows
    ]


def print_bases(rows: list[tuple[str, TunableBase]], today: date) -> None:
    """A table of at most 100 columns."""
    from llmstrat_iac.cli.render import console, print_table, table

    out = console()
    shown = table(
        "provider",
        "base model",
        "method",
        "regions",
        "train",
        "until",
        right=("train",),
    )
    for provider, base in rows:
        shown.add_row(
            provider,
            base.id,
            "both" if len(base.methods) > 1 else base.methods[0],
            count(len(base.regions), "region") if len(base.regions) > 1 else "".join(base.regions),
            unit_price(base.usd_per_mtok_training)[0],
            _until(base, today),
        )
    print_table(out, shown)
    out.print(
        f"{count(len(rows), 'base')}; training in USD per million tokens and epoch, {UNKNOWN} without a source. "
        "Until: when new jobs, or the base, end, if it is announced. `--json` names regions and sources."
    )


def _until(base: TunableBase, today: date) -> str:
    ends = [day for day in (base.jobs_end, base.retires) if day is not None]
    if not ends:
        return ""
    return f"[{'red' if min(ends) <= today else 'yellow'}]{min(ends)}[/]"
