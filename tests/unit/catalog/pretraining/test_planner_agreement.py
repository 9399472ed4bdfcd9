"""The planner against published speeds, memory and whole runs: at least as near as when this was written."""

from __future__ import annotations

import csv
import math
import statistics

import pytest
from planner_agreement import DATA, peaks, speeds, spread
from planner_report import PAGE, PICTURE, groups, page, picture
from published_runs import PARTS, agreement, whole_runs
from run_kit import BLOOMBERG, bloomberg, plan


@pytest.mark.parametrize("name", ["throughput", "whole_runs", "shapes"])
def test_every_published_figure_has_a_source_and_a_date(name: str) -> None:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 10
    assert [row for row in rows if not (row["source"] and row["as_of"].startswith("20"))] == []


@pytest.mark.parametrize(
    ("group", "median", "most"),
    [
        ("torchtitan", 0.08, 0.15),
        ("torchtitan context parallel", 0.15, 0.25),
        ("llm-foundry", 0.07, 0.16),
        ("Megatron (fp8)", 0.14, 0.20),
    ],
)
def test_speeds_are_near_what_was_measured(group: str, median: float, most: float) -> None:
    typical, nearly_all = spread(groups(speeds())[group])
    assert typical < median
    assert nearly_all < most


def test_nine_of_ten_measured_speeds_are_within_the_range() -> None:
    cases = speeds()
    assert sum(0.85 <= case.measured / case.predicted <= 1.15 for case in cases) / len(cases) >= 0.9


def test_memory_is_near_what_torchtitan_reports() -> None:
    typical, nearly_all = spread(peaks())
    assert typical < 0.10
    assert nearly_all < 0.40
    assert min(case.relative for case in peaks()) > -0.25


@pytest.mark.parametrize(("part", "median"), [("calibrated", 0.20), ("held out", 0.25), ("checked last", 0.20)])
def test_whole_runs_take_about_as_many_gpu_hours_as_published(part: str, median: float) -> None:
    found = agreement(whole_runs(part))
    assert found.median < median
    assert found.inside >= 0.80


def test_a_range_is_no_wider_than_it_has_to_be() -> None:
    """The end is at most 3.5 times the start, but for the largest cluster; one in ten runs may be outside."""
    widths = sorted(run.hours.high / run.hours.low for run in whole_runs())
    assert widths[-4] < 3.5
    assert agreement(whole_runs()).inside <= 0.95


def test_no_pattern_is_left_that_a_formula_could_take_up() -> None:
    """As the page says. A year of publication isn't asked of a user, but would show an ageing calibration."""
    runs = whole_runs()
    errors = [math.log(1 + run.relative) for run in runs]
    patterns = {
        "parameters": [math.log(run.parameters) for run in runs],
        "GPUs": [math.log(run.plan.degrees.gpus) for run in runs],
        "hours": [math.log(run.measured) for run in runs],
        "year": [float(run.as_of[:4]) for run in runs],
    }
    for name, values in patterns.items():
        assert abs(statistics.correlation(values, errors)) < 0.25, name


def test_every_run_is_in_one_part_and_no_part_is_a_handful_of_families() -> None:
    runs = whole_runs()
    assert {run.part for run in runs} == set(PARTS)
    assert len({run.name for run in runs}) == len(runs)
    for part in PARTS[:2]:
        assert len({run.family for run in runs if run.part == part}) >= 12


def test_bloomberggpt_as_it_was_divided() -> None:
    """32.5 s a step and 53 days (arXiv:2303.17564 section 3.4); the paper doesn't say the micro batch."""
    planned = plan(bloomberg(degrees=BLOOMBERG, micro_batch=2), on="p4d.24xlarge", nodes=64)
    step = 2048 * 2048 / planned.tokens_per_second.likely
    recomputed = planned.tflops_per_gpu.likely * 4 / 3
    assert step == pytest.approx(32.5, rel=0.30)
    assert recomputed == pytest.approx(102, rel=0.40)
    assert planned.days.likely == pytest.approx(53, rel=0.20)
    assert planned.days.low < 53 < planned.days.high
    assert planned.memory.headroom > 0


def test_the_page_has_the_figures_of_now() -> None:
    hint = "run `python tests/unit/catalog/pretraining/planner_report.py`"
    assert PAGE.read_text(encoding="utf-8") == page(), hint
    assert PICTURE.read_text(encoding="utf-8") == picture(), hint
