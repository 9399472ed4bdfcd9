"""What is left of a stack of strategy B, whatever Pulumi's state says: every vendor's tuning, then the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.gateway_leftovers import gateway_finders
from llmstrat_iac.hookspecs import AwsSession, Leftover

_VENDORS = ("bedrock", "sagemaker", "openai", "gemini")
_CHECKED = frozenset({"bedrock", "s3", "sagemaker"})
"""Services that the vendors' own sweeps have looked at."""


def sweep(stack_name: str, session: AwsSession, *, remove: bool) -> Iterator[Leftover]:
    """Find what is left, and remove what can be removed safely.

    A stack may have moved from one vendor to another, so all are asked; of those outside AWS, the ones whose key is in
    the environment.
    """
    for vendor in _VENDORS:
        module = import_module(f"llmstrat_iac.components.tuning.{vendor}_sweep")
        found: Iterable[Leftover] = module.sweep(stack_name, session, remove=remove)
        yield from found
    yield from leftovers.sweep(gateway_finders(stack_name, session, checked=_CHECKED), remove=remove)
