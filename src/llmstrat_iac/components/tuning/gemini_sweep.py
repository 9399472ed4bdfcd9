"""What may be left at Google of a stack's tuning.

The sweep knows the stack's name only, not the project, so nothing can be asked: the resources' own deletion is all
there is. It raises what it can't delete, and then the receipt isn't clean.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.hookspecs import AwsSession, Leftover


def sweep(_stack_name: str, _session: AwsSession, *, remove: bool) -> Iterable[Leftover]:
    """Nothing: `remove` or not."""
    del remove
    return ()
