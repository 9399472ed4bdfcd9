"""The expiry is stable over repeated `up`s and moves only when asked, when the TTL changes, or when it has passed."""

from datetime import UTC, datetime, timedelta

import pytest

from llmstrat_iac.operations.expiry import expiry
from llmstrat_iac.spec.moments import format_moment, parse_moment, round_up_to_hour
from llmstrat_iac.spec.units import TimeToLive

NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
THREE_DAYS = TimeToLive("72h")


def test_first_up_rounds_up_to_the_hour() -> None:
    assert expiry(THREE_DAYS, now=NOW, previous=None, previous_ttl=None) == datetime(2026, 11, 27, 9, tzinfo=UTC)


def test_second_up_keeps_the_moment() -> None:
    previous = datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert expiry(THREE_DAYS, now=NOW, previous=previous, previous_ttl="72h") == previous


@pytest.mark.parametrize(
    ("previous", "previous_ttl", "renew"),
    [
        (datetime(2026, 11, 25, 9, tzinfo=UTC), "24h", False),
        (datetime(2026, 11, 25, 9, tzinfo=UTC), "72h", True),
        (datetime(2026, 11, 24, 8, tzinfo=UTC), "72h", False),
    ],
    ids=["ttl changed", "renewal asked", "already expired"],
)
def test_moves_when_it_should(previous: datetime, previous_ttl: str, renew: bool) -> None:
    moved = expiry(THREE_DAYS, now=NOW, previous=previous, previous_ttl=previous_ttl, renew=renew)
    assert moved == datetime(2026, 11, 27, 9, tzinfo=UTC)


def test_never_has_no_moment() -> None:
    assert expiry(TimeToLive("never"), now=NOW, previous=NOW, previous_ttl="72h") is None


def test_full_hour_stays() -> None:
    full = datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert round_up_to_hour(full) == full
    assert round_up_to_hour(full + timedelta(microseconds=1)) == full + timedelta(hours=1)


@pytest.mark.parametrize("moment", [None, datetime(2026, 12, 1, 18, tzinfo=UTC)])
def test_format_round_trip(moment: datetime | None) -> None:
    assert parse_moment(format_moment(moment)) == moment


@pytest.mark.parametrize("text", [None, "", "tomorrow", "2026-13-01T00:00:00Z"])
def test_unreadable_moment_is_none(text: str | None) -> None:
    assert parse_moment(text) is None
