"""When a stack's time to live ends: fixed at the first `up`, kept by later ones, renewed when asked or passed."""

from __future__ import annotations

from datetime import datetime

from llmstrat_iac.spec.moments import round_up_to_hour
from llmstrat_iac.spec.units import TimeToLive


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
