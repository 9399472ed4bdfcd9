"""Whether the spec's Bedrock models can be called from its region: known, active, on demand or through a profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmstrat_iac.components.leftovers import pages
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity

_RULE = "aws.bedrock"
_WIRE = "bedrock-converse"


def check_bedrock(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Yield a finding for each model that can't be called, or not for long."""
    wanted = list(_bedrock_models(resolved))
    if not wanted:
        return
    client = session.client("bedrock")
    models = {model["modelId"]: model for model in client.list_foundation_models().get("modelSummaries") or ()}
    profiles = {
        profile["inferenceProfileId"]: profile
        for profile in pages(client, "list_inference_profiles", "inferenceProfileSummaries")
    }
    for path, identity in wanted:
        if identity in profiles:
            yield from _check_profile(path, profiles[identity])
        elif identity in models:
            yield from _check_model(path, models[identity])
        else:
            yield _problem(path, f"Bedrock has no model `{identity}` in {resolved.spec.region}")


def _bedrock_models(resolved: ResolvedSpec) -> Iterator[tuple[str, str]]:
    for index, provider in enumerate(resolved.providers.values()):
        if provider.provider.upstream(provider.options, resolved.spec.region).wire != _WIRE:
            continue
        for position, model in enumerate(provider.entry.models):
            yield f"providers[{index}].models[{position}].id", model.id


def _check_profile(path: str, profile: Mapping[str, Any]) -> Iterator[Finding]:
    if profile.get("status") != "ACTIVE":
        yield _problem(path, f"the inference profile `{profile['inferenceProfileId']}` is {profile.get('status')}")


def _check_model(path: str, model: Mapping[str, Any]) -> Iterator[Finding]:
    identity = model["modelId"]
    if "ON_DEMAND" not in model.get("inferenceTypesSupported", ("ON_DEMAND",)):
        yield _problem(path, f"`{identity}` can't be called on demand: use one of its inference profiles")
    status = model.get("modelLifecycle", {}).get("status", "ACTIVE")
    if status != "ACTIVE":
        yield Finding(
            _RULE,
            Severity.WARNING,
            path,
            f"`{identity}` is {status}",
            # https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html
            reason="AWS gives at least six months from legacy to the end of life",
            remedy="plan the move to its successor",
        )


def _problem(path: str, message: str) -> Finding:
    remedy = "`aws bedrock list-foundation-models` and `list-inference-profiles` show what there is"
    return Finding(_RULE, Severity.ERROR, path, message, remedy=remedy)
