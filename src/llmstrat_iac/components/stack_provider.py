"""The AWS provider of a stack: the spec's region, and the tags by which everything is found, billed and swept."""

from __future__ import annotations

import pulumi_aws as aws

from llmstrat_iac.components.names import TAG_EXPIRES, TAG_OWNER, TAG_STACK, TAG_STRATEGY
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.spec.moments import format_moment


def stack_provider(context: ProgramContext) -> aws.Provider:
    """An explicit provider, so that no region or tag comes from the environment by chance."""
    return aws.Provider(
        "aws",
        region=context.resolved.spec.region,
        default_tags=aws.ProviderDefaultTagsArgs(tags=stack_tags(context)),
    )


def stack_tags(context: ProgramContext) -> dict[str, str]:
    """The tags that every resource of the stack carries."""
    return {
        TAG_STACK: context.resolved.stack_name,
        TAG_OWNER: context.resolved.spec.owner,
        TAG_STRATEGY: context.resolved.strategy.name,
        TAG_EXPIRES: format_moment(context.expires),
    }
