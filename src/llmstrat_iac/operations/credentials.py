"""Stand-ins for the vendors' API keys in the sandbox, where real ones have no business."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec

PLACEHOLDER = "sandbox-placeholder-key"


def placeholders(resolved: ResolvedSpec) -> dict[str, str]:
    """Variables with a placeholder for every key that the spec takes from the environment."""
    return {variable: PLACEHOLDER for _, variable in _variables(resolved)}


def existing_secrets(resolved: ResolvedSpec) -> tuple[str, ...]:
    """The names of the Secrets Manager secrets that the spec expects to be there."""
    credentials = (provider.entry.credentials for provider in resolved.providers.values())
    return tuple(one.secret for one in credentials if one is not None and one.variable is None)


def seed_secrets(names: tuple[str, ...], session: AwsSession) -> None:
    """Create, with a placeholder, the secrets that an organisation's account would have; existing ones stay."""
    if not names:
        return
    client = session.client("secretsmanager")
    for name in names:
        try:
            client.create_secret(Name=name, SecretString=PLACEHOLDER)
        except client.exceptions.ResourceExistsException:
            continue


def _variables(resolved: ResolvedSpec) -> Iterator[tuple[str, str]]:
    for name, provider in resolved.providers.items():
        credentials = provider.entry.credentials
        if credentials is not None and credentials.variable is not None:
            yield name, credentials.variable
