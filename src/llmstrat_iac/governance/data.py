"""Rules about where data goes."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.spec.common import Classification


def restricted_data_leaves_account(resolved: ResolvedSpec) -> Iterator[Finding]:
    """Restricted data may go to providers inside the AWS account only."""
    if resolved.spec.data.classification is not Classification.RESTRICTED:
        return
    for index, (name, each) in enumerate(resolved.providers.items()):
        if not each.provider.inside_account:
            yield Finding(
                rule="restricted-data-leaves-account",
                severity=Severity.ERROR,
                path=f"providers[{index}]",
                message=f"restricted data would go to {each.provider.title}",
                reason=f"`{name}` is outside the AWS account, and `classification: restricted` says data stays inside",
                remedy="use a provider inside the account, such as `bedrock`, or host an open model (strategy C)",
            )


def prompts_logged_with_confidential_data(resolved: ResolvedSpec) -> Iterator[Finding]:
    """Prompts in a log are a second copy of the data, with other readers."""
    endpoint, classification = resolved.spec.endpoint, resolved.spec.data.classification
    if endpoint is None or not endpoint.usage_log.prompts:
        return
    if classification in (Classification.CONFIDENTIAL, Classification.RESTRICTED):
        yield Finding(
            rule="prompts-logged-with-confidential-data",
            severity=Severity.WARNING,
            path="endpoint.usage_log.prompts",
            message=f"prompts and answers with {classification} data would be logged",
            reason="whoever may read CloudWatch Logs reads them, for as long as `retention_days` says",
            remedy="set `prompts: false`, or shorten `retention_days` and restrict who reads the log group",
        )
