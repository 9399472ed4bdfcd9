"""What a cluster may leave on EC2 beside what fleets and trainings leave: its placement group."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from llmstrat_iac.components.ec2.sweep import tag_filter
from llmstrat_iac.components.leftovers import Finder, Found
from llmstrat_iac.hookspecs import AwsSession

_TYPE = "placement group"


def placement_groups_finder(stack_name: str, session: AwsSession) -> Finder:
    """To be looked for after the instances, which keep it until they are gone."""
    return Finder(_TYPE, partial(_placement_groups, stack_name, session))


def _placement_groups(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("ec2")
    # botocore has no paginator for them.
    for group in client.describe_placement_groups(Filters=tag_filter(stack_name))["PlacementGroups"]:
        if group["State"] not in ("deleting", "deleted"):
            name = group["GroupName"]
            remove = partial(client.delete_placement_group, GroupName=name)
            yield Found(_TYPE, name, group["Strategy"], billed=False, remove=remove)
