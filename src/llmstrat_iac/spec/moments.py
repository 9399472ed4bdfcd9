"""Moments as tags, outputs and specs write them, and the full hour on which a time to live ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def round_up_to_hour(moment: datetime) -> datetime:
    """The next full hour in UTC: a second `pulumi up` then gives the same tags for up to an hour."""
    moment = moment.astimezone(UTC)
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(hours=1)


def format_moment(moment: datetime | None) -> str:
    """`2026-12-01T18:00:00Z`, or `never`."""
    return "never" if moment is None else moment.astimezone(UTC).strftime(_FORMAT)


def parse_moment(text: str | None) -> datetime | None:
    """The inverse of `format_moment`; None for `never`, missing or unreadable text."""
    try:
        return datetime.strptime(text or "", _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
