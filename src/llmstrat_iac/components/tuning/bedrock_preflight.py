"""What the account says about a Bedrock tuning before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity

_RULE = "aws.bedrock.tuning"
_PATH = "tuning.base_model"


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Whether the base can be tuned in this region, and for how long."""
    tuning = resolved.tuning
    assert tuning is not None, "only asked for specs with `tuning:`"
    answer = session.client("bedrock").list_foundation_models(byCustomizationType="FINE_TUNING")
    models = {model["modelId"]: model for model in answer.get("modelSummaries") or ()}
    base = tuning.block.base_model
    if base not in models:
        yield Finding(
            _RULE,
            Severity.ERROR,
            _PATH,
            f"Bedrock doesn't tune `{base}` in {tuning.region}",
            reason="ListFoundationModels is what counts; the documentation lags",
            remedy=f"it tunes: {', '.join(sorted(models)) or 'nothing in this region'}",
        )
        return
    yield from _lifecycle(base, models[base].get("modelLifecycle") or {})


def _lifecycle(base: str, lifecycle: Mapping[str, Any]) -> Iterator[Finding]:
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html
    status, end = lifecycle.get("status", "ACTIVE"), lifecycle.get("endOfLifeTime")
    if status == "ACTIVE":
        return
    until = f" and retires on {end:%Y-%m-%d}" if end is not None else ""
    yield Finding(
        _RULE,
        Severity.WARNING if status == "LEGACY" else Severity.ERROR,
        _PATH,
        f"`{base}` is {status}{until}",
        reason="a tuned model retires with its base, and a legacy base isn't open to new customers",
        remedy="tune a base that is ACTIVE",
    )
