"""Rules about the models: known, alive, and alive for as long as the stack."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from llmstrat_iac.catalog.models import ModelInfo
from llmstrat_iac.hookspecs import ResolvedProvider, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.providers import ModelEntry

_HORIZON = timedelta(days=90)
"""How far to look ahead for a stack that never expires."""


def model_lifecycle(resolved: ResolvedSpec, now: datetime) -> Iterator[Finding]:
    """A retired model answers nobody; one that retires within the TTL will stop while the stack lives."""
    ttl = resolved.spec.limits.ttl
    end = now + (ttl.duration or _HORIZON)
    for path, provider, entry, info in _entries(resolved):
        if info is None or info.retires is None or info.retires > end.date():
            continue
        replacement = f"`{info.replacement}`, the vendor's replacement" if info.replacement else "another model"
        if info.retires <= now.date():
            yield Finding(
                rule="model-retired",
                severity=Severity.ERROR,
                path=path,
                message=f"`{entry.id}` was retired on {info.retires}",
                reason=f"{provider.provider.title} no longer serves it; every request would fail",
                remedy=f"use {replacement}",
            )
        else:
            within = f"within the TTL of {ttl}" if ttl.duration else f"within {_HORIZON.days} days"
            yield Finding(
                rule="model-retires-within-ttl",
                severity=Severity.WARNING,
                path=path,
                message=f"`{entry.id}` retires on {info.retires}, {within}",
                reason=f"from that day {provider.provider.title} no longer serves it",
                remedy=f"use {replacement}, or list it under `fallbacks`",
            )


def unknown_model(resolved: ResolvedSpec) -> Iterator[Finding]:
    """An id that isn't in the catalogue may be new, or mistyped."""
    for path, provider, entry, info in _entries(resolved):
        if info is None:
            known = [model.id for model in provider.provider.models()]
            yield Finding(
                rule="unknown-model",
                severity=Severity.WARNING,
                path=path,
                message=f"`{entry.id}` isn't among the known models of {provider.provider.title}",
                reason="it may be new or mistyped; its price and its retirement are unknown",
                remedy=_remedy(entry, provider.entry.name, known),
            )


def _remedy(entry: ModelEntry, provider: str, known: list[str]) -> str:
    near = suggest(entry.id, known)
    look = f"`llmstrat models --provider {provider}` lists them"
    return f"{near} {look}" if near.startswith("did you mean") else look


def _entries(resolved: ResolvedSpec) -> Iterator[tuple[str, ResolvedProvider, ModelEntry, ModelInfo | None]]:
    for number, provider in enumerate(resolved.providers.values()):
        known = {model.id: model for model in provider.provider.models()}
        for index, entry in enumerate(provider.entry.models):
            yield f"providers[{number}].models[{index}].id", provider, entry, known.get(entry.id)
