"""Writes the planner's agreement with published runs into `docs/pretraining-planner.md`: run it after it changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from planner_agreement import Case, peaks, speeds, spread
from published_runs import PARTS, WholeRun, agreement, energy_runs, whole_runs
from run_kit import BLOOMBERG, bloomberg, find, plan

from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Wish
from llmstrat_iac.catalog.pretraining.search import aimed
from llmstrat_iac.cli.render_train_plan import degrees_text
from llmstrat_iac.cli.train_plan_svg import render_svg

PAGE = Path(__file__).parents[4] / "docs" / "pretraining-planner.md"
PICTURE = PAGE.parent / "images" / "train-plan.svg"
_FEWEST = 5
"""Runs of a kind, to have a line of its own."""


def report() -> str:
    """The tables, in Markdown."""
    return "\n".join([*_spreads(), "", *_runs()]) + "\n"


def page() -> str:
    """The page with the tables as they are now."""
    text = _between(PAGE.read_text(encoding="utf-8"), "agreement", report())
    text = _between(text, "energy", "\n".join(_energy()) + "\n")
    return _between(text, "bloomberg", "\n".join(_bloomberg()) + "\n")


def picture() -> str:
    """Of BloombergGPT's run, wherever it might run."""
    return render_svg("bloomberggpt-50b", find(bloomberg(compile=True)), aimed(Wish(None, None)))


def _between(text: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, _, rest = text.partition(begin)
    return before + begin + table + end + rest.partition(end)[2]


def _bloomberg() -> Iterator[str]:
    yield "| divided | s a step | TFLOP/s a GPU, recomputation counted | days |"
    yield "|---|---|---|---|"
    yield "| published | 32.5 | 102 | 53 |"
    for micro in (1, 2, 4):
        asked = bloomberg(degrees=BLOOMBERG, micro_batch=micro)
        yield _planned(f"as published, {micro} at once", plan(asked, on="p4d.24xlarge", nodes=64))
    own = plan(bloomberg(compile=True), on="p4d.24xlarge", nodes=64)
    yield _planned(f"the planner's choice, compiled: {degrees_text(own.degrees)}", own)


def _energy() -> Iterator[str]:
    yield "| MWh of all GPUs' boards | measured | ours | range | by |"
    yield "|---|---|---|---|---|"
    for run in energy_runs():
        ours, measured = run.megawatt_hours, run.measured
        between = f"{ours.low:.0f} to {ours.high:.0f}"
        yield f"| {run.name} | {measured:.0f} | {ours.likely:.0f} | {between} | {run.source} |"


def _planned(name: str, planned: ClusterPlan) -> str:
    step = 2048 * 2048 / planned.tokens_per_second.likely
    computed = planned.tflops_per_gpu.likely * (4 / 3 if planned.degrees.activations == "full" else 1)
    days = planned.days
    return f"| {name} | {step:.1f} | {computed:.0f} | {days.likely:.0f} ({days.low:.0f} to {days.high:.0f}) |"


def groups(cases: list[Case]) -> dict[str, list[Case]]:
    """By trainer, in order of appearance."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.group, []).append(case)
    return found


def _spreads() -> Iterator[str]:
    yield "| published | cases | error, median | 9 of 10 below |"
    yield "|---|---|---|---|"
    cases = speeds()
    yield _spread("tokens a second and GPU, all", cases)
    for name, group in groups(cases).items():
        yield _spread(f"of them {name}", group)
    yield _spread("GiB a GPU, torchtitan", peaks())


def _spread(name: str, cases: list[Case]) -> str:
    median, most = spread(cases)
    return f"| {name} | {len(cases)} | {median:.1%} | {most:.1%} |"


def _runs() -> Iterator[str]:
    runs = whole_runs()
    yield "| whole runs | runs | error, median | too many hours if above 0, median | within the range |"
    yield "|---|---|---|---|---|"
    for part in PARTS:
        of_part = [run for run in runs if run.part == part]
        yield _agreement(part, of_part)
        yield from (_agreement(f"of them {name}", some) for name, some in _kinds(of_part))
    yield _agreement("all", runs)
    for part in PARTS:
        yield ""
        yield f"| {part} | GPU hours, published | ours | range | off by | MFU of a step, ours |"
        yield "|---|---|---|---|---|---|"
        yield from (_run(run) for run in runs if run.part == part)


def _kinds(runs: list[WholeRun]) -> Iterator[tuple[str, list[WholeRun]]]:
    for name, start in (("dense on A100", "p4"), ("dense on H100", "p5")):
        some = [run for run in runs if run.instance.startswith(start) and not run.experts]
        if len(some) >= _FEWEST:
            yield name, some


def _agreement(name: str, runs: list[WholeRun]) -> str:
    found = agreement(runs)
    return f"| {name} | {found.runs} | {found.median:.0%} | {found.bias:+.0%} | {found.inside:.0%} |"


def _run(run: WholeRun) -> str:
    hours = run.hours
    between = f"{hours.low:,.0f} to {hours.high:,.0f}"
    off = f"{run.relative:+.0%}{'' if run.inside else ', outside'}"
    return f"| {run.name} | {run.measured:,.0f} | {hours.likely:,.0f} | {between} | {off} | {run.plan.mfu.likely:.0%} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
