"""What is left of a stack of strategy A, whatever Pulumi's state says."""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.gateway_leftovers import gateway_finders
from llmstrat_iac.hookspecs import AwsSession, Leftover


def sweep(stack_name: str, session: AwsSession, *, remove: bool) -> Iterable[Leftover]:
    """Find what is left, and remove what can be removed safely."""
    return leftovers.sweep(gateway_finders(stack_name, session), remove=remove)
