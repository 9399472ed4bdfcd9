"""What OpenAI says before a tuning starts: the key works, and the base is there and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from llmstrat_iac.components.tuning.openai_resources import openai_api
from llmstrat_iac.components.tuning.vendor_api import VendorError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity

_RULE = "openai.tuning"


def preflight(resolved: ResolvedSpec, _session: AwsSession) -> Iterator[Finding]:
    """Ask for the base model, with the key."""
    tuning = resolved.tuning
    assert tuning is not None, "only asked for specs with `tuning:`"
    assert tuning.credentials is not None, "the loader demands them"
    base = tuning.block.base_model
    try:
        found = openai_api(tuning.credentials.secret, tuning.region).find(f"/models/{base}")
    except VendorError as error:
        severity = Severity.ERROR if error.status in (401, 403) else Severity.WARNING
        yield Finding(_RULE, severity, "tuning.credentials", error.message, remedy=error.remedy or "")
        return
    if found is None:
        yield Finding(
            _RULE, Severity.ERROR, "tuning.base_model", f"OpenAI has no model `{base}` for this key",
            remedy="`llmstrat models --tunable` lists known ones",
        )  # fmt: skip
    elif found.get("shutdown_date"):
        day = datetime.fromtimestamp(found["shutdown_date"], UTC)
        yield Finding(
            _RULE, Severity.WARNING, "tuning.base_model", f"OpenAI shuts `{base}` down on {day:%Y-%m-%d}",
            reason="models that are tuned from it go with it", remedy="plan the move to another base",
        )  # fmt: skip
