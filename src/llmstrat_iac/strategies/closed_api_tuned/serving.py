"""Who answers under the tuned model's alias: before the job is completed, after it failed, and after `down`."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.spec.providers import GatewaySpec
from llmstrat_iac.strategies.closed_api_tuned.spec import BASE_SUFFIX
from llmstrat_iac.tuning import ResolvedTuning


def check_serving(tuning: ResolvedTuning, spec: GatewaySpec) -> Iterator[Finding]:
    """Yield what consumers, or whoever pays, should know before."""
    block = tuning.block
    if block.fallback_to_base and tuning.fallback_id is None:
        yield _base_not_served(tuning, spec)
    elif not block.fallback_to_base:
        yield Finding(
            rule="no-answer-while-tuning",
            severity=Severity.INFO,
            path="tuning.fallback_to_base",
            message=f"`{block.alias}` is silent until it is tuned",
            reason="without the fallback the tuned model is all that serves the alias",
            remedy="keep callers away until then, or let another model be its fallback",
        )
    if block.deploy == "manual":
        yield Finding(
            rule="deployed-by-hand",
            severity=Severity.INFO,
            path="tuning.deploy",
            message="a completed job changes nothing until `llmstrat up --deploy`",
            reason="what served before goes on serving, and both models are kept",
            remedy="say `when-completed` to leave it to the next `up`",
        )
    if block.retain_on_destroy:
        yield Finding(
            rule="model-outlives-stack",
            severity=Severity.WARNING,
            path="tuning.retain_on_destroy",
            message=f"`down` leaves the tuned model at {tuning.tuning.title}",
            reason="it is billed for as long as it is there, and no TTL ends that",
            remedy="say `false` before the last `down`, or delete it at the vendor",
        )


def _base_not_served(tuning: ResolvedTuning, spec: GatewaySpec) -> Finding:
    alias = tuning.block.alias + BASE_SUFFIX
    base = tuning.base
    title = base.title if base else f"`{tuning.block.base_model}`"
    reason = f"{tuning.tuning.title} doesn't serve it untuned" if base else "the id for calling it isn't known"
    if alias in _wanted(spec):
        return Finding(
            rule="base-not-served",
            severity=Severity.ERROR,
            path="tuning.fallback_to_base",
            message=f"there is no `{alias}`: {title} can't be called untuned",
            reason=reason,
            remedy=f"take `{alias}` out of the spec, or offer the base by another provider",
        )
    return Finding(
        rule="base-not-served",
        severity=Severity.WARNING,
        path="tuning.fallback_to_base",
        message=f"{title} can't be the fallback: nothing answers as `{tuning.block.alias}` until it is tuned",
        reason=reason,
        remedy="say `fallback_to_base: false`, and keep callers away until the tuned model is deployed",
    )


def _wanted(spec: GatewaySpec) -> set[str]:
    """Aliases that consumers may call, or that models fall back to."""
    called = {alias for consumer in spec.endpoint.consumers for alias in consumer.models}
    return called | {alias for each in spec.providers for model in each.models for alias in model.fallbacks}
