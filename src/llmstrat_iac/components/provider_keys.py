"""Where vendors' API keys are: a Secrets Manager secret each, uploaded from a Pulumi secret or already there.

No key is ever in a function's environment, an API definition, a tag or plain state.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.gateway_args import ProviderArgs
from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.components.policies import Account, Statement


class ProviderKeys:
    """The providers' secrets: how the relay names them, and what it may read."""

    def __init__(
        self,
        name: str,
        names: GatewayNames,
        account: Account,
        providers: Mapping[str, ProviderArgs],
        opts: pulumi.ResourceOptions,
    ) -> None:
        self.references: dict[str, pulumi.Input[str]] = {}
        """Provider to the ARN or name by which the relay asks for the secret."""
        readable: list[pulumi.Input[str]] = []
        for provider_name, provider in sorted(providers.items()):
            if provider.existing_secret is not None:
                self.references[provider_name] = provider.existing_secret
                readable.append(existing_secret_arn(account, provider.existing_secret))
            elif provider.api_key is not None:
                secret = upload_secret(
                    f"{name}-{provider_name}",
                    names.secret(provider_name),
                    provider.api_key,
                    description="API key of a model vendor, read by the relay",
                    opts=opts,
                )
                self.references[provider_name] = secret.arn
                readable.append(secret.arn)
        for provider_name, provider in sorted(providers.items()):
            if provider.key_of is not None:
                self.references[provider_name] = self.references[provider.key_of]
        self.statements = [Statement(("secretsmanager:GetSecretValue",), readable)] if readable else []


def upload_secret(
    logical_name: str, name: str, value: pulumi.Input[str], *, description: str, opts: pulumi.ResourceOptions
) -> aws.secretsmanager.Secret:
    """A secret of the stack's own; its value is a Pulumi secret, and goes with the stack at once."""
    secret = aws.secretsmanager.Secret(
        logical_name,
        aws.secretsmanager.SecretArgs(
            name=name,
            description=description,
            # Zero: else the name stays taken for a week at least after a destroy, and the next `up` fails.
            recovery_window_in_days=0,
        ),
        opts=opts,
    )
    aws.secretsmanager.SecretVersion(
        logical_name,
        aws.secretsmanager.SecretVersionArgs(secret_id=secret.id, secret_string=pulumi.Output.secret(value)),
        opts=opts,
    )
    return secret


def existing_secret_arn(account: Account, name: str) -> pulumi.Input[str]:
    """The secret's ARN; Secrets Manager adds a dash and six characters, which `??????` stands for.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
    """
    if name.startswith("arn:"):
        return name
    return account.fill("arn:{partition}:secretsmanager:{region}:{account}:secret:" + name + "-??????")
