"""When a stack's time to live ends: fixed at the first `up`, kept by later ones, renewed when asked or passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from llmstrat_iac.spec.units import TimeToLive

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def expiry(
    ttl: TimeToLive, *, now: datetime, previous: datetime | None, previous_ttl: str | None, renew: bool = False
) -> datetime | None:
    """The moment (UTC, on a full hour) at which the stack expires; None for a TTL of `never`.

    The previous moment is kept while it lies ahead and the TTL in the spec is still the one that it was made from,
    so that a second `up` changes nothing.
    """
    if ttl.duration is None:
        return None
    if previous is not None and not renew and previous > now and previous_ttl == str(ttl):
        return previous
    return round_up_to_hour(now + ttl.duration)


def round_up_to_hour(moment: datetime) -> datetime:
    """The next full hour in UTC: plain `pulumi up` then gives the same tags for up to an hour."""
    moment = moment.astimezone(UTC)
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(hours=1)


def format_moment(moment: datetime | None) -> str:
    """`2026-12-01T18:00:00Z`, or `never`: the form in tags and outputs."""
    return "never" if moment is None else moment.astimezone(UTC).strftime(_FORMAT)


def parse_moment(text: str | None) -> datetime | None:
    """The inverse of `format_moment`; None for `never`, missing or unreadable text."""
    try:
        return datetime.strptime(text or "", _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
