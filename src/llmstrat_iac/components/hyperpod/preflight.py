"""What AWS says of a HyperPod cluster before it starts: quotas that go beyond its workers, the plan, the container."""

from __future__ import annotations

import os
from collections.abc import Iterator

from llmstrat_iac.catalog.quotas import QuotaNeed
from llmstrat_iac.catalog.sagemaker_images import TRAINING
from llmstrat_iac.components.quotas import check_quotas
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.sagemaker.plan_preflight import check_plan
from llmstrat_iac.components.sagemaker.preflight import check_image
from llmstrat_iac.components.sagemaker.roles import parse_image
from llmstrat_iac.components.sagemaker.training_plans import CLUSTERS
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.target import Target


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Findings of what is short, missing, or can't be asked for."""
    pretraining = resolved.pretraining
    assert pretraining is not None, "only asked for specs with `cluster:`"
    image = pretraining.options.image or resolve(TRAINING, pretraining.region)
    yield from check_image("cluster.options.image", parse_image(image), session)
    yield from check_quotas(_needs(pretraining), session)
    ttl = resolved.spec.limits.ttl.duration
    yield from check_plan(pretraining, session, target=CLUSTERS, now=Target.from_environment(os.environ).now(), ttl=ttl)


def _needs(pretraining: ResolvedPretraining) -> Iterator[QuotaNeed]:
    """The controller, and how large clusters and their disks may be.

    Names as the console has them: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-hyperpod-prerequisites.html
    """
    options = pretraining.options
    instances = float(pretraining.plan.nodes + pretraining.cluster.spare_nodes + 1)
    controller = f"{options.controller} for cluster usage"
    each = "Maximum number instances allowed per SageMaker HyperPod cluster"
    total = "Total number of instances allowed across SageMaker HyperPod clusters"
    disk = "Maximum size of EBS volume in GB for a SageMaker HyperPod cluster instance"
    yield QuotaNeed("cluster.options.controller", "sagemaker", controller, None, 1.0, "instances")
    yield QuotaNeed("cluster.nodes", "sagemaker", each, "L-2CE978FC", instances, "instances")
    yield QuotaNeed("cluster.nodes", "sagemaker", total, "L-3308CCC7", instances, "instances")
    yield QuotaNeed("cluster.options.volume_gb", "sagemaker", disk, "L-E13DF72A", float(options.volume_gb), "GB")
