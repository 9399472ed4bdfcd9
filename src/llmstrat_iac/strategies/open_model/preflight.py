"""Asks AWS, read-only and before a cent is spent, whether the spec can work in this account.

Everything of strategy A, then what each runtime asks about its instances, images and quotas.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

from llmstrat_iac.catalog.quotas import QuotaNeed
from llmstrat_iac.components.deploy_permissions import check_permissions, deployer_statements
from llmstrat_iac.components.hub import check_adapters, check_hub
from llmstrat_iac.components.quotas import check_quotas
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.open_model import ResolvedModel, ResolvedOpenModel
from llmstrat_iac.plan import Finding
from llmstrat_iac.strategies.closed_api.preflight import guarded
from llmstrat_iac.strategies.closed_api.preflight import preflight as gateway_preflight


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Yield what AWS says."""
    yield from gateway_preflight(resolved, session)
    open_model = resolved.open_model
    assert open_model is not None, "the loader resolves `model:`"
    for runtime in resolved.runtimes:
        module, _, function = runtime.preflight.partition(":")
        found: Iterator[Finding] = getattr(import_module(module), function)(resolved, session)
        yield from guarded(f"aws.{runtime.name}", "", found)
    yield from guarded("aws.quota", "", check_quotas(_needs(open_model), session))
    token = _token(open_model.model)
    yield from check_hub(open_model.model, token)
    if open_model.serving is not None:
        yield from check_adapters(open_model.model, open_model.serving.block.adapters, token)
    yield from check_permissions(deployer_statements(resolved), session, region=resolved.spec.region)


def _needs(open_model: ResolvedOpenModel) -> Iterator[QuotaNeed]:
    """What the parts need at most, at the same time: a fleet's largest size, and the training, which is over when a
    change exchanges the fleet's instances."""
    training, serving = open_model.training, open_model.serving
    if training is not None:
        yield from training.runtime.quotas("training", training.placement.instance, 1, training.block.capacity)
    if serving is not None:
        runtime, instance, most = serving.runtime, serving.placement.instance, serving.block.replicas.max
        exchanged = most + runtime.surge(most)
        for need, later in zip(
            runtime.quotas("serving", instance, most, "on-demand"),
            runtime.quotas("serving", instance, exchanged, "on-demand"),
            strict=True,
        ):
            yield replace(need, exchange=later.need)


def _token(model: ResolvedModel) -> str | None:
    """The token that `up` would upload; what is a secret already isn't read."""
    credentials = model.block.token
    return os.environ.get(credentials.variable) if credentials and credentials.variable else None
