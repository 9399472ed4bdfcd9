"""Writes the agreement of sizing with published measurements into `docs/sizing.md`: run it after a formula changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from agreement import (
    Amount,
    Speed,
    Verdict,
    right,
    serving_amounts,
    serving_verdicts,
    speeds,
    spread,
    training_amounts,
    training_verdicts,
)

PAGE = Path(__file__).parents[3] / "docs" / "sizing.md"
BEGIN, END = "<!-- agreement: begin -->\n", "<!-- agreement: end -->\n"


def report() -> str:
    """The tables, in Markdown."""
    return "\n".join([*_amounts(), "", *_verdicts(), "", *_speeds()]) + "\n"


def page() -> str:
    """`docs/sizing.md` with the tables as they are now."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{report()}{END}{after}"


def _amounts() -> Iterator[str]:
    yield "| memory a GPU | cases | error, median | 9 of 10 below | median, relative | 9 of 10 below |"
    yield "|---|---|---|---|---|---|"
    for name in ("weights", "activations", "runtime"):
        yield _amount(f"serving, {name}", serving_amounts(name), "GiB")
    amounts = training_amounts()
    kinds: dict[str, Callable[[Amount], bool]] = {
        "training, all": lambda amount: True,
        "training, TRL and others on Transformers, one GPU": lambda amount: _is(amount, one=True),
        "training, the same, sharded over 2 to 8": lambda amount: _is(amount, one=False),
        "training, LitGPT": lambda amount: "litgpt" in amount.name,
    }
    for name, belongs in kinds.items():
        yield _amount(name, [amount for amount in amounts if belongs(amount)], "GB")


def _is(amount: Amount, *, one: bool) -> bool:
    return "litgpt" not in amount.name and (" on 1 " in amount.name) == one


def _amount(name: str, amounts: list[Amount], unit: str) -> str:
    median, most, relative, most_relative = spread(amounts)
    return (
        f"| {name} | {len(amounts)} | {median:.2f} {unit} | {most:.2f} {unit} | {relative:.1%} | {most_relative:.1%} |"
    )


def _verdicts() -> Iterator[str]:
    yield "| does it fit? | cases | yes, as we say | no, as we say | yes, we say no | no, we say yes |"
    yield "|---|---|---|---|---|---|"
    yield _verdict("serving", serving_verdicts())
    yield _verdict("training", training_verdicts())
    wrong = [each for each in (*serving_verdicts(), *training_verdicts()) if each.fits != each.predicted]
    if wrong:
        yield ""
        yield "Wrong:"
        yield ""
        yield from (f"- {each.name}: {'fits' if each.fits else 'does not fit'}" for each in wrong)


def _verdict(name: str, verdicts: list[Verdict]) -> str:
    counts = [
        sum((each.fits, each.predicted) == outcome for each in verdicts)
        for outcome in ((True, True), (False, False), (True, False), (False, True))
    ]
    return f"| {name} ({right(verdicts):.0%} right) | {len(verdicts)} | " + " | ".join(map(str, counts)) + " |"


def _speeds() -> Iterator[str]:
    yield "| tokens a second | cases | within our range | below it | above it |"
    yield "|---|---|---|---|---|"
    for kind in ("serving", "training"):
        yield _speed(kind, speeds(kind))


def _speed(name: str, found: list[Speed]) -> str:
    inside = sum(each.inside for each in found)
    below = sum(each.measured < each.predicted.low for each in found)
    return f"| {name} | {len(found)} | {inside} | {below} | {len(found) - inside - below} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
