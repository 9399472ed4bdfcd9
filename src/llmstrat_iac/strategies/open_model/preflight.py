"""Asks AWS, read-only and before a cent is spent, whether the spec can work in this account.

Everything of strategy A, then what each runtime asks about its instances, images and quotas.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.open_model import Runtime
from llmstrat_iac.plan import Finding
from llmstrat_iac.strategies.closed_api.preflight import guarded
from llmstrat_iac.strategies.closed_api.preflight import preflight as gateway_preflight


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Yield what AWS says."""
    yield from gateway_preflight(resolved, session)
    for runtime in used_runtimes(resolved):
        module, _, function = runtime.preflight.partition(":")
        found: Iterator[Finding] = getattr(import_module(module), function)(resolved, session)
        yield from guarded(f"aws.{runtime.name}", "", found)


def used_runtimes(resolved: ResolvedSpec) -> tuple[Runtime, ...]:
    """The runtimes that the spec names, each once."""
    assert resolved.open_model is not None, "the loader resolves `model:`"
    parts = (resolved.open_model.training, resolved.open_model.serving)
    return tuple({part.runtime.name: part.runtime for part in parts if part is not None}.values())
