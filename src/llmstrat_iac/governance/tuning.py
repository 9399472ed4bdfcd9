"""Rules about tuning: where the data goes, whether the base can be tuned here, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.spec.common import Classification
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.tuning import ResolvedTuning, TunableBase

_BASE = "tuning.base_model"
_HORIZON = timedelta(days=90)
"""How far to look ahead: a tuned model outlives the TTL, for it can't be made again after its base is gone."""


def check_tuning(resolved: ResolvedSpec, now: datetime) -> Iterator[Finding]:
    """All rules about the `tuning:` block; nothing if there is none."""
    tuning = resolved.tuning
    if tuning is None:
        return
    yield from restricted_data_is_trained_on_outside(resolved, tuning)
    base = tuning.base
    if base is None:
        yield from unknown_base(tuning)
        return
    yield from base_not_in_region(tuning, base)
    yield from method_not_offered(tuning, base)
    yield from base_retires(base, now)
    yield from jobs_end(tuning, base, now)


def restricted_data_is_trained_on_outside(resolved: ResolvedSpec, tuning: ResolvedTuning) -> Iterator[Finding]:
    """Restricted data may be trained on inside the AWS account only."""
    if resolved.spec.data.classification is Classification.RESTRICTED and not tuning.inside_account:
        yield Finding(
            rule="restricted-data-leaves-account",
            severity=Severity.ERROR,
            path="tuning.provider",
            message=f"restricted training data would go to {tuning.tuning.title}",
            reason=f"`{tuning.vendor}` is outside the AWS account; `classification: restricted` says data stays inside",
            remedy="tune with `bedrock` or `sagemaker`, or train an open model (strategy C)",
        )


def unknown_base(tuning: ResolvedTuning) -> Iterator[Finding]:
    """A base that the catalogue hasn't may be new or mistyped; a model that is sold but not tuned is neither."""
    written = tuning.block.base_model
    near = suggest(written, (base.id for base in tuning.tuning.bases()))
    if any(model.id == written for model in tuning.models()):
        yield Finding(
            rule="base-not-tunable",
            severity=Severity.ERROR,
            path=_BASE,
            message=f"{tuning.tuning.title} doesn't tune `{written}` under this id",
            reason="it is an id for calling a model; few can be tuned, and some have another id for it",
            remedy=near,
        )
        return
    yield Finding(
        rule="unknown-base",
        severity=Severity.WARNING,
        path=_BASE,
        message=f"`{written}` isn't among the known bases of {tuning.tuning.title}",
        reason="it may be new or mistyped; its prices, regions and retirement are unknown until `up` asks the vendor",
        remedy=near,
    )


def base_not_in_region(tuning: ResolvedTuning, base: TunableBase) -> Iterator[Finding]:
    """Bases are tuned in some regions only."""
    if base.regions and tuning.region not in base.regions:
        yield Finding(
            rule="base-not-in-region",
            severity=Severity.ERROR,
            path="region",
            message=f"{base.title} isn't tuned in {tuning.region}",
            reason=f"{tuning.tuning.title} tunes it in {', '.join(base.regions)}",
            remedy=f"set `region: {base.regions[0]}`, or choose another base",
        )


def method_not_offered(tuning: ResolvedTuning, base: TunableBase) -> Iterator[Finding]:
    """Preference tuning is rarer than supervised tuning."""
    if tuning.block.method not in base.methods:
        yield Finding(
            rule="method-not-offered",
            severity=Severity.ERROR,
            path="tuning.method",
            message=f"{base.title} isn't known to be tuned by {tuning.block.method}",
            reason=f"{tuning.tuning.title} lists it for: {', '.join(base.methods)}",
            remedy=f"set `method: {base.methods[0]}`, or choose another base",
        )


def base_retires(base: TunableBase, now: datetime) -> Iterator[Finding]:
    """A tuned model dies with its base."""
    if base.retires is None or base.retires > (now + _HORIZON).date():
        return
    over = base.retires <= now.date()
    yield Finding(
        rule="base-retired" if over else "base-retires-soon",
        severity=Severity.ERROR if over else Severity.WARNING,
        path=_BASE,
        message=f"{base.title} {'was retired' if over else 'retires'} on {base.retires}",
        reason=f"what is tuned from it is served no longer than it ({base.source}, {base.as_of})",
        remedy=_instead(base),
    )


def jobs_end(tuning: ResolvedTuning, base: TunableBase, now: datetime) -> Iterator[Finding]:
    """A vendor that closes its tuning takes no new jobs, while it may serve old ones for a time."""
    if base.jobs_end is None:
        return
    over = base.jobs_end <= now.date()
    yield Finding(
        rule="tuning-closed" if over else "tuning-closes",
        severity=Severity.ERROR if over else Severity.WARNING,
        path="tuning.provider",
        message=f"{tuning.tuning.title} {'has taken' if over else 'takes'} no new tuning jobs from {base.jobs_end} on",
        reason="a changed dataset could never be trained on again",
        remedy=_instead(base),
    )


def _instead(base: TunableBase) -> str:
    return f"use {base.alternative}" if base.alternative else "use another base (`llmstrat models --tunable`)"
