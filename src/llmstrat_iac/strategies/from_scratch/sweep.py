"""What is left of a stack of strategy D, whatever Pulumi's state says: all runtimes', the bucket, the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.ec2.cluster_leftovers import placement_groups_finder
from llmstrat_iac.components.file_system_leftovers import file_system_finders
from llmstrat_iac.components.gateway_leftovers import gateway_finders
from llmstrat_iac.components.tuning.bucket_leftovers import bucket_finder
from llmstrat_iac.hookspecs import AwsSession, Leftover

_RUNTIMES = ("hyperpod", "ec2", "sagemaker")
_CHECKED = frozenset({"s3", "sagemaker", "ec2", "autoscaling", "elasticloadbalancing", "fsx"})
"""Services that the sweeps before have looked at."""


def sweep(stack_name: str, session: AwsSession, *, remove: bool) -> Iterator[Leftover]:
    """Find what is left, and remove what can be removed safely.

    A stack may have moved from one runtime to another, so all are asked.
    """
    # What bills most beside the nodes, and what their network can't be deleted with.
    yield from leftovers.sweep(list(file_system_finders(stack_name, session)), remove=remove)
    for runtime in _RUNTIMES:
        module = import_module(f"llmstrat_iac.components.{runtime}.sweep")
        found: Iterable[Leftover] = module.sweep(stack_name, session, remove=remove)
        yield from found
    finders = [
        placement_groups_finder(stack_name, session),
        bucket_finder(stack_name, session, infix="artifacts"),
        *gateway_finders(stack_name, session, checked=_CHECKED),
    ]
    yield from leftovers.sweep(finders, remove=remove)
