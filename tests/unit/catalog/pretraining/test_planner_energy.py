"""Energy: what it is made of, by region; unknown where nothing was measured; near what was measured elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from published_runs import energy_runs
from run_kit import find, instance, plan, run

from llmstrat_iac.catalog.pretraining import energy as module
from llmstrat_iac.catalog.pretraining.contract import Span
from llmstrat_iac.catalog.pretraining.energy import AVERAGE_PUE, data_centre, energy

MONTH = Span(20, 30, 40)


@pytest.mark.parametrize("name", ["p4d.24xlarge", "p4de.24xlarge", "p5.48xlarge", "p5en.48xlarge", "p6-b200.48xlarge"])
def test_it_is_days_times_boards_hosts_and_the_data_centre(name: str) -> None:
    found = energy(instance(name), 64, MONTH, "us-west-2")
    assert found is not None
    assert found.pue == Span(1.12, 1.12, 1.12)
    for which in ("low", "likely", "high"):
        watts = getattr(found.board_watts, which) + getattr(found.host_watts, which)
        hours = 24 * getattr(MONTH, which)
        assert getattr(found.kilowatt_hours, which) == pytest.approx(64 * hours * watts / 1000 * 1.12)
        assert found.co2_tonnes is not None
        assert getattr(found.co2_tonnes, which) == pytest.approx(getattr(found.kilowatt_hours, which) * 119.76 / 1e6)
    assert found.kilowatt_hours.low < found.kilowatt_hours.likely < found.kilowatt_hours.high


def test_a_node_of_h100s_takes_what_was_measured() -> None:
    """7.75 kW on average and at most 8.4, rated 10.2 (arXiv:2506.14551, arXiv:2412.08602)."""
    found = energy(instance("p5.48xlarge"), 8, MONTH, None)
    assert found is not None
    node = [
        8 * (boards + host) / 1000 for boards, host in zip(_all(found.board_watts), _all(found.host_watts), strict=True)
    ]
    assert node[1] == pytest.approx(7.75, rel=0.02)
    assert node[0] < 7.75
    assert 8.4 < node[2] <= 10.2


def test_an_unknown_region_gets_aws_average_and_no_co2() -> None:
    assert data_centre(None).pue == AVERAGE_PUE
    unknown = energy(instance("p5.48xlarge"), 8, MONTH, "eu-west-2")
    assert unknown is not None
    assert unknown.pue == AVERAGE_PUE
    assert unknown.co2_tonnes is None
    assert "eu-west-2's isn't known" in unknown.sources[-1]


def test_a_region_can_have_an_unknown_grid() -> None:
    calgary = energy(instance("p5.48xlarge"), 8, MONTH, "ca-west-1")
    assert calgary is not None
    assert calgary.pue.likely == 1.17
    assert calgary.co2_tonnes is None


@pytest.mark.parametrize("name", ["g6e.48xlarge", "g5.48xlarge", "p6-b300.48xlarge"])
def test_unmeasured_gpus_stay_unknown(name: str) -> None:
    assert energy(instance(name), 8, MONTH, "us-east-1") is None


def test_a_plan_has_the_energy_of_its_region() -> None:
    virginia, stockholm = (plan(run(), region=region).energy for region in ("us-east-1", "eu-north-1"))
    assert virginia is not None
    assert stockholm is not None
    assert virginia.kilowatt_hours.likely / stockholm.kilowatt_hours.likely == pytest.approx(1.15 / 1.10)
    assert virginia.co2_tonnes is not None
    assert stockholm.co2_tonnes is not None
    assert virginia.co2_tonnes.likely > 10 * stockholm.co2_tonnes.likely


def test_more_days_take_more_energy() -> None:
    used = [plan(run(tokens=tokens)).energy for tokens in (10**12, 2 * 10**12)]
    assert used[0] is not None
    assert used[1] is not None
    assert used[1].kilowatt_hours.likely == pytest.approx(2 * used[0].kilowatt_hours.likely, rel=0.01)


def test_every_search_result_says_its_energy_or_why_not() -> None:
    found = find(run(), deadline_days=60)
    known = {each.instance.accelerator for each in found.alternatives if each.energy is not None}
    unknown = {each.instance.accelerator for each in found.alternatives if each.energy is None}
    assert "NVIDIA H100 SXM5 80GB" in known
    assert "NVIDIA L40S" in unknown
    assert not known & unknown


def test_every_figure_of_power_has_its_source() -> None:
    with Path(module.__file__).with_name("power.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 5
    for row in rows:
        assert all(row[f"{part}_source"] for part in ("board", "share", "host"))
        assert float(row["share_low"]) < float(row["share_likely"]) < float(row["share_high"]) <= 1
        assert float(row["host_watts_low"]) < float(row["host_watts_likely"]) < float(row["host_watts_high"])


def test_published_energy_of_boards_is_within_the_range() -> None:
    """Measured by Ai2; the number of GPUs isn't published, so time and power are both ours."""
    runs = energy_runs()
    assert len(runs) >= 3
    for each in runs:
        assert each.megawatt_hours.low < each.measured < each.megawatt_hours.high, each.name


def _all(span: Span) -> tuple[float, float, float]:
    return span.low, span.likely, span.high
