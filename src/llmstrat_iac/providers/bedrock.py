"""Amazon Bedrock: models of several vendors inside the AWS account, called with the relay's role and no API key.

An id with a geography in front (`us.amazon.nova-pro-v1:0`) is a cross-region inference profile: AWS routes the call to
one of several regions, and a policy must allow the profile and the foundation model in each of them
(https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html).
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.closed_models import closed_models
from llmstrat_iac.catalog.models import ModelInfo
from llmstrat_iac.hookspecs import IamStatement, Provider, Upstream, hookimpl
from llmstrat_iac.spec.common import Closed

GEOGRAPHIES = ("us", "us-gov", "eu", "apac", "au", "ca", "jp", "global")
_ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")


class BedrockOptions(Closed):
    """The `options:` of a `bedrock` entry: none so far."""


def _models() -> Iterable[ModelInfo]:
    return closed_models("bedrock")


def _upstream(_options: BedrockOptions, _region: str) -> Upstream:
    return Upstream(wire="bedrock-converse", base_url=None, auth="sigv4")


def _permissions(ids: Iterable[str]) -> Iterable[IamStatement]:
    """Exactly the listed models: in this region, or through their inference profile."""
    plain: list[str] = []
    profiles: list[str] = []
    for identity in sorted(set(ids)):
        (profiles if identity.split(".", 1)[0] in GEOGRAPHIES else plain).append(identity)
    if plain:
        yield IamStatement(
            actions=_ACTIONS,
            resources=tuple(f"arn:{{partition}}:bedrock:{{region}}::foundation-model/{each}" for each in plain),
            reason="call the listed foundation models in the stack's region",
        )
    if profiles:
        own = (f"arn:{{partition}}:bedrock:{{region}}:{{account}}:inference-profile/{each}" for each in profiles)
        # The profile picks the region at each call, so the region of the model behind it can't be narrowed further.
        behind = (f"arn:{{partition}}:bedrock:*::foundation-model/{each.split('.', 1)[1]}" for each in profiles)
        yield IamStatement(
            actions=_ACTIONS,
            resources=(*own, *behind),
            reason="call the listed inference profiles; AWS chooses the region of the model behind a profile",
        )


@hookimpl
def llmstrat_providers() -> Iterable[Provider]:
    yield Provider(
        name="bedrock",
        title="Amazon Bedrock",
        options=BedrockOptions,
        models=_models,
        upstream=_upstream,
        inside_account=True,
        secret_variable=None,
        permissions=_permissions,
        tuning="llmstrat_iac.providers.bedrock_tuning:TUNING",
    )
