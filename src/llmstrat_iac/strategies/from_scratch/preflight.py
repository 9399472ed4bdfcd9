"""Asks AWS, read-only and before a cent is spent, whether the spec can work in this account.

Everything of strategy A, whether corpus and tokenizer are there, then what each runtime asks about its instances,
capacity and quotas.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module

from llmstrat_iac.catalog.quotas import QuotaNeed
from llmstrat_iac.components.deploy_permissions import check_permissions, deployer_statements
from llmstrat_iac.components.quotas import check_quotas
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.strategies.closed_api.preflight import guarded
from llmstrat_iac.strategies.closed_api.preflight import preflight as gateway_preflight
from llmstrat_iac.strategies.from_scratch.inputs import check_inputs

_OWN_CAPACITY = frozenset({"capacity-block", "reservation"})
"""Bought or reserved before: on-demand and spot quotas don't count it. SageMaker's do count what a training plan has:
https://docs.aws.amazon.com/sagemaker/latest/dg/training-plan-quotas.html"""


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Yield what AWS says."""
    yield from gateway_preflight(resolved, session)
    pretraining = resolved.pretraining
    assert pretraining is not None, "the loader resolves `corpus:`"
    yield from check_inputs(pretraining, session, _token(pretraining))
    for runtime in resolved.runtimes:
        module, _, function = runtime.preflight.partition(":")
        found: Iterator[Finding] = getattr(import_module(module), function)(resolved, session)
        yield from guarded(f"aws.{runtime.name}", "", found)
    yield from guarded("aws.quota", "", check_quotas(_needs(resolved), session))
    yield from check_permissions(deployer_statements(resolved), session, region=resolved.spec.region)


def _needs(resolved: ResolvedSpec) -> Iterator[QuotaNeed]:
    """What cluster and fleet need at most: the next `up` may start the one before the other is gone."""
    pretraining, open_model = resolved.pretraining, resolved.open_model
    assert pretraining is not None, "the loader resolves `corpus:`"
    yield from cluster_needs(pretraining)
    if open_model is not None and open_model.serving is not None:
        serving = open_model.serving
        instance, most = serving.placement.instance, serving.block.replicas.max
        yield from serving.runtime.quotas("serving", instance, most, "on-demand")


def cluster_needs(pretraining: ResolvedPretraining) -> Iterator[QuotaNeed]:
    """All nodes of the cluster, spare ones included; none if their capacity was bought or reserved before."""
    block, plan = pretraining.cluster, pretraining.plan
    if block.capacity not in _OWN_CAPACITY:
        nodes = plan.nodes + block.spare_nodes
        purchase = "spot" if block.capacity == "spot" else "on-demand"
        yield from pretraining.runtime.quotas("cluster", plan.instance, nodes, purchase)


def _token(pretraining: ResolvedPretraining) -> str | None:
    """The token that `up` would upload; what is a secret already isn't read."""
    credentials = pretraining.tokenizer.token
    return os.environ.get(credentials.variable) if credentials and credentials.variable else None
