"""What AWS says of a job on many nodes before it starts: how long it may run, and what its training plan reserves."""

from __future__ import annotations

import os
from collections.abc import Iterator

from llmstrat_iac.catalog.quotas import QuotaNeed
from llmstrat_iac.components.quotas import check_quotas
from llmstrat_iac.components.sagemaker.cluster_options import ClusterOptions
from llmstrat_iac.components.sagemaker.plan_preflight import check_plan
from llmstrat_iac.components.sagemaker.training_plans import JOBS
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding
from llmstrat_iac.target import Target


def check_cluster(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """The longest run time of a job, and the training plan if there is one."""
    pretraining = resolved.pretraining
    assert pretraining is not None, "only asked for specs with `cluster:`"
    options: ClusterOptions = pretraining.options
    limit = options.max_runtime.duration
    if limit is not None:
        yield from check_quotas([_run_time(limit.total_seconds())], session)
    ttl = resolved.spec.limits.ttl.duration
    yield from check_plan(pretraining, session, target=JOBS, now=Target.from_environment(os.environ).now(), ttl=ttl)


def _run_time(seconds: float) -> QuotaNeed:
    return QuotaNeed(
        "cluster.options.max_runtime",
        "sagemaker",
        "Longest run time for a training job",
        "L-33A961FD",
        seconds,
        "seconds",
    )
