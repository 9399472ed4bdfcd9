"""Asks AWS and the tuning vendor, read-only and before a cent is spent, whether the spec can work.

Everything of strategy A, then the vendor's own questions: the base's lifecycle, the key, the dataset in S3.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding
from llmstrat_iac.strategies.closed_api.preflight import guarded
from llmstrat_iac.strategies.closed_api.preflight import preflight as gateway_preflight


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Yield what AWS and the vendor say."""
    yield from gateway_preflight(resolved, session)
    tuning = resolved.tuning
    assert tuning is not None, "the loader resolves `tuning:`"
    module, _, function = tuning.tuning.preflight.partition(":")
    found: Iterator[Finding] = getattr(import_module(module), function)(resolved, session)
    yield from guarded("tuning.vendor", "tuning", found)
