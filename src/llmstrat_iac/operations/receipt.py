"""The receipt of a teardown: what there was, what is gone, what is left, and what it cost while it lived."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import platformdirs

from llmstrat_iac.hookspecs import Leftover
from llmstrat_iac.plan import Total
from llmstrat_iac.spec.moments import format_moment

HOURS_A_MONTH = 730.0


@dataclass(frozen=True)
class ReceiptLine:
    """Resources of one type: how many there were and how many the engine destroyed."""

    type: str
    created: int
    destroyed: int


@dataclass(frozen=True)
class Cost:
    """US dollars while the stack lived; None is unknown. Fixed costs by the plan's rates, tokens by the log."""

    fixed_usd: float | None
    tokens_usd: float | None
    requests: int | None
    unpriced_requests: int = 0
    each_job: Total | None = None
    """What the plan counts for one training, if the spec has any; in no other sum, since how many ran isn't known."""


@dataclass(frozen=True)
class Receipt:
    """The whole account of one `down`."""

    stack: str
    strategy: str
    region: str
    owner: str
    created: datetime | None
    destroyed: datetime
    lines: tuple[ReceiptLine, ...]
    leftovers: tuple[Leftover, ...]
    kept: tuple[str, ...]
    cost: Cost
    failures: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing of the stack is left."""
        return not self.failures and all(leftover.removed for leftover in self.leftovers)

    @property
    def lived_hours(self) -> float | None:
        """Hours from the first `up` to the end of the destroy."""
        return None if self.created is None else (self.destroyed - self.created).total_seconds() / 3600

    def to_json(self) -> str:
        """The receipt as a JSON document, as it is kept."""
        document = asdict(self) | {
            "created": None if self.created is None else format_moment(self.created),
            "destroyed": format_moment(self.destroyed),
            "lived_hours": self.lived_hours,
            "clean": self.clean,
        }
        return json.dumps(document, indent=2)


def receipt_lines(before: Iterable[str], after: Iterable[str]) -> tuple[ReceiptLine, ...]:
    """Compare the resource types in the state before and after the destroy (one entry a resource)."""
    created, remaining = list(before), list(after)
    return tuple(
        ReceiptLine(type, created.count(type), created.count(type) - remaining.count(type))
        for type in sorted(set(created))
    )


def receipts_folder() -> Path:
    """Where receipts are kept: below the user's data folder."""
    return Path(platformdirs.user_data_dir("llmstrat-iac")) / "receipts"


def save_receipt(receipt: Receipt, folder: Path) -> Path:
    """Keep the receipt as a file; returns its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{receipt.stack}-{receipt.destroyed:%Y%m%dT%H%M%SZ}.json"
    path.write_text(receipt.to_json() + "\n", encoding="utf-8")
    return path
