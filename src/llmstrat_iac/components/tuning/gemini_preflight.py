"""What Google says before a tuning starts: the key works, the bucket is there, and the project may be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from llmstrat_iac.components.tuning.gemini_resources import platform_api, storage_api
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity

_RULE = "gemini.tuning"


def preflight(resolved: ResolvedSpec, _session: AwsSession) -> Iterator[Finding]:
    """Look at the bucket and at the project's jobs, with the key."""
    tuning = resolved.tuning
    assert tuning is not None, "only asked for specs with `tuning:`"
    assert tuning.credentials is not None, "the loader demands them"
    reference, options = tuning.credentials.secret, tuning.options
    parent = f"projects/{options.project}/locations/{options.location}"
    yield from _asked(
        "tuning.options.bucket",
        lambda: storage_api(reference, tuning.region).get(f"/storage/v1/b/{options.bucket}"),
        f"make it: `gcloud storage buckets create gs://{options.bucket} --location {options.location}`",
    )
    yield from _asked(
        "tuning.options.project",
        lambda: platform_api(reference, tuning.region, options.location).get(f"/{parent}/tuningJobs", pageSize="1"),
        "enable aiplatform.googleapis.com in the project, and give the service account `roles/aiplatform.user`",
    )


def _asked(path: str, ask: Callable[[], object], remedy: str) -> Iterator[Finding]:
    try:
        ask()
    except LlmstratError as error:
        yield Finding(_RULE, Severity.ERROR, path, error.message, remedy=remedy)
