"""When schedules fall due: in their own time zone, around the changes of its clock, by AWS's expressions and Unix's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmstrat_iac.sandbox.emulator.schedules.expressions import Timing

CREATED = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def timing(expression: str, zone: str = "UTC", **more: datetime) -> Timing:
    return Timing(expression, CREATED, zone, more.get("start"), more.get("end"), unix="(" not in expression)


def due(expression: str, after: str, zone: str = "UTC", **more: datetime) -> str | None:
    found = timing(expression, zone, **more).next_after(moment(after))
    return None if found is None else found.strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        ("at(2026-12-01T18:00:00)", "UTC", "2026-12-01 17:59:59", "2026-12-01 18:00:00"),
        ("at(2026-12-01T18:00:00)", "Europe/Berlin", "2026-11-24", "2026-12-01 17:00:00"),
        ("at(2026-12-01T18:00:00)", "UTC", "2026-12-01 18:00:00", None),
        ("rate(5 minutes)", "UTC", "2026-11-24 12:11:00", "2026-11-24 12:15:30"),
        ("rate(1 hour)", "UTC", "2026-11-24 12:00:00", "2026-11-24 12:00:30"),
        ("rate(2 days)", "UTC", "2026-11-24 12:00:30", "2026-11-26 12:00:30"),
        ("cron(0 20 * * ? *)", "Europe/Berlin", "2026-11-24 19:00:00", "2026-11-25 19:00:00"),
        ("cron(0 7 ? * MON-FRI *)", "UTC", "2026-11-27 07:00:00", "2026-11-30 07:00:00"),
        ("cron(30 6 ? * 2 *)", "UTC", "2026-11-24", "2026-11-30 06:30:00"),
        ("cron(0 0 L * ? *)", "UTC", "2026-11-24", "2026-11-30 00:00:00"),
        ("cron(0 9 ? * 2#1 *)", "UTC", "2026-11-24", "2026-12-07 09:00:00"),
        ("cron(0 9 1 1 ? 2030)", "UTC", "2026-11-24", "2030-01-01 09:00:00"),
        ("cron(0 9 1 1 ? 2025)", "UTC", "2026-11-24", None),
        ("0 20 * * *", "America/New_York", "2026-11-24", "2026-11-24 01:00:00"),
        ("0 7 * * 1-5", "UTC", "2026-11-27 07:00:00", "2026-11-30 07:00:00"),
        ("0 7 * * 5-7", "UTC", "2026-11-28 07:00:00", "2026-11-29 07:00:00"),
        ("0 7 * * 0,mon", "UTC", "2026-11-24", "2026-11-29 07:00:00"),
        ("0 7 * * 1/2", "UTC", "2026-11-24", "2026-11-25 07:00:00"),
        ("*/15 8-9 * * *", "UTC", "2026-11-24 08:46:00", "2026-11-24 09:00:00"),
    ],
)
def test_the_next_time(expression: str, zone: str, after: str, expected: str | None) -> None:
    assert due(expression, after, zone) == expected


def test_unix_takes_either_kind_of_day() -> None:
    both = "0 6 1 * MON"
    assert due(both, "2026-11-24") == "2026-11-30 06:00:00"
    assert due(both, "2026-11-30 06:00:00") == "2026-12-01 06:00:00"


@pytest.mark.parametrize("expression", ["cron(30 2 * * ? *)", "30 2 * * *"])
def test_a_local_time_that_summer_time_leaves_out_is_skipped(expression: str) -> None:
    assert due(expression, "2027-03-27 12:00:00", "Europe/Berlin") == "2027-03-29 00:30:00"


def test_a_local_time_that_comes_twice_counts_once() -> None:
    cron, berlin = "cron(30 2 * * ? *)", "Europe/Berlin"
    assert due(cron, "2026-10-24 12:00:00", berlin) == "2026-10-25 00:30:00"
    assert due(cron, "2026-10-25 00:30:00", berlin) == "2026-10-26 01:30:00"
    assert due(cron, "2026-10-25 01:10:00", berlin) == "2026-10-26 01:30:00", "the second 02:10"


def test_the_hour_stays_local_across_the_change() -> None:
    assert due("0 7 * * *", "2026-10-24 05:00:00", "Europe/Berlin") == "2026-10-25 06:00:00"


def test_a_day_of_a_rate_is_24_hours_long() -> None:
    assert due("rate(1 day)", "2027-03-28 00:00:00", "Europe/Berlin") == "2027-03-28 12:00:30"


def test_nothing_is_due_before_the_start_or_after_the_end() -> None:
    start, end = moment("2026-12-01 20:00:00"), moment("2026-12-02 20:00:00")
    assert due("cron(0 20 * * ? *)", "2026-11-24", start=start) == "2026-12-01 20:00:00"
    assert due("rate(1 hour)", "2026-11-24", start=start) == "2026-12-01 20:00:00"
    assert due("cron(0 20 * * ? *)", "2026-12-01 20:00:00", end=end) == "2026-12-02 20:00:00"
    assert due("cron(0 20 * * ? *)", "2026-12-02 20:00:00", end=end) is None


@pytest.mark.parametrize(
    "expression",
    ["at(2026-12-01)", "at(2026-13-01T00:00:00)", "rate(0.5 hours)", "cron(0 20 * * * *)", "cron(0 20 * * ?)",
     "0 25 * * *", "0 20 * *", "tomorrow"],
)  # fmt: skip
def test_what_aws_would_refuse_is_no_timing(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        timing(expression).check()


def test_the_two_kinds_of_cron_arent_mixed() -> None:
    with pytest.raises(ValueError, match="Invalid Schedule Expression"):
        Timing("0 7 * * *", created=CREATED).check()
    with pytest.raises(ValueError, match="instead of five"):
        Timing("cron(0 7 * * ? *)", created=CREATED, unix=True).check()


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone Europe/Atlantis"):
        Timing("rate(1 hour)", created=CREATED, zone="Europe/Atlantis").check()
