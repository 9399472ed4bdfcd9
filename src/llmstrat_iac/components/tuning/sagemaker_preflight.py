"""What the account says about a SageMaker customization before it starts."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity

_HUB = "SageMakerPublicHub"


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Whether AWS's hub has the base in this region."""
    tuning = resolved.tuning
    assert tuning is not None, "only asked for specs with `tuning:`"
    base = tuning.block.base_model
    client = session.client("sagemaker")
    try:
        client.describe_hub_content(HubName=_HUB, HubContentType="Model", HubContentName=base)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFound", "ResourceNotFoundException"):
            raise
        yield Finding(
            "aws.sagemaker.tuning",
            Severity.ERROR,
            "tuning.base_model",
            f"{_HUB} has no model `{base}` in {tuning.region}",
            reason="serverless customization starts from the hub's models",
            remedy="`llmstrat models --tunable` lists known ones; the hub differs by region",
        )
