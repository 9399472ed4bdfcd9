"""Amazon SageMaker AI as a tuner of open-weight models without instances; it lists no models of its own to call.

What it tunes is imported into Bedrock and called there, so prompts and data stay in the account.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.hookspecs import Provider, Upstream, hookimpl
from llmstrat_iac.spec.common import Closed


class SageMakerOptions(Closed):
    """None: the provider can't be listed under `providers:`."""


def _upstream(_options: SageMakerOptions, _region: str) -> Upstream:
    return Upstream(wire="bedrock-converse", base_url=None, auth="sigv4")


@hookimpl
def llmstrat_providers() -> Iterable[Provider]:
    yield Provider(
        name="sagemaker",
        title="Amazon SageMaker AI",
        options=SageMakerOptions,
        models=tuple,
        upstream=_upstream,
        inside_account=True,
        secret_variable=None,
        tuning="llmstrat_iac.providers.sagemaker_tuning:TUNING",
        serves=False,
    )
