"""What earlier attempts at the same model have left: a new one goes on from their newest complete checkpoint.

A job's key is `identity-attempt`, and its place in S3 ends with it: the others are beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..trainer.store import Store
from .checkpoints import marked_steps


def checkpoint_store(own: Store, job_uri: str, open_store: Callable[[str], Store]) -> Store:
    """Where complete checkpoints are: the job's own place, or until there are any, the newest earlier attempt's."""
    if marked_steps(own):
        return own
    return next((store for uri in earlier_places(job_uri) if marked_steps(store := open_store(uri))), own)


def earlier_places(job_uri: str) -> Iterator[str]:
    """The places of all attempts before this one, the newest first."""
    root, _, attempt = job_uri.rstrip("/").rpartition("-")
    for number in range(int(attempt) - 1 if attempt.isdigit() else 0, 0, -1):
        yield f"{root}-{number}"
