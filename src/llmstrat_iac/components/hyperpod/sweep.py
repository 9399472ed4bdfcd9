"""What may be left of a stack in HyperPod: found by name and tag, whatever Pulumi's state says.

Its network, file system and roles are found as every cluster's are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.hyperpod.jobs import find_clusters
from llmstrat_iac.components.hyperpod.names import CLUSTER_LOGS, HyperPodNames
from llmstrat_iac.components.leftovers import Finder, Found, pages
from llmstrat_iac.hookspecs import AwsSession, Leftover

_CLUSTER, _LOG = "hyperpod cluster", "log group"
_KEY = re.compile(r"[a-z0-9]+-\d+/")


def sweep(stack_name: str, session: AwsSession, *, remove: bool) -> Iterable[Leftover]:
    """Find what is left, clusters first."""
    finders = [
        Finder(_CLUSTER, partial(_clusters, stack_name, session)),
        Finder(_LOG, partial(_logs, stack_name, session)),
    ]
    return leftovers.sweep(finders, remove=remove)


def _clusters(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("sagemaker")
    for _, cluster in find_clusters(client, stack_name):
        if cluster.status != "Deleting":
            remove = partial(client.delete_cluster, ClusterName=cluster.name)
            yield Found(_CLUSTER, cluster.name, cluster.status, billed=True, remove=remove)


def _logs(stack_name: str, session: AwsSession) -> Iterator[Found]:
    """HyperPod makes a group for each cluster, without tags: the name tells whose it is."""
    client = session.client("logs")
    prefix = f"{CLUSTER_LOGS}{HyperPodNames(stack_name).cluster}-"
    for group in pages(client, "describe_log_groups", "logGroups", logGroupNamePrefix=prefix):
        name = group["logGroupName"]
        if _KEY.match(name.removeprefix(prefix)) is None:
            continue  # of a stack whose name begins like this one's
        yield Found(_LOG, name, "", billed=True, remove=partial(client.delete_log_group, logGroupName=name))
