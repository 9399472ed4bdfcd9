"""Stand-ins for the vendors' API keys in the sandbox, where real ones have no business."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.spec.providers import Credentials

PLACEHOLDER = "sandbox-placeholder-key"


def placeholders(resolved: ResolvedSpec) -> dict[str, str]:
    """Variables with a placeholder for every key that the spec takes from the environment."""
    return {one.variable: PLACEHOLDER for one in _credentials(resolved) if one.variable is not None}


def existing_secrets(resolved: ResolvedSpec) -> tuple[str, ...]:
    """The names of the Secrets Manager secrets that the spec expects to be there."""
    return tuple(one.secret for one in _credentials(resolved) if one.variable is None)


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


def _credentials(resolved: ResolvedSpec) -> Iterator[Credentials]:
    for provider in resolved.providers.values():
        if provider.entry.credentials is not None:
            yield provider.entry.credentials
    if resolved.tuning is not None and resolved.tuning.block.credentials is not None:
        yield resolved.tuning.block.credentials
    if resolved.open_model is not None and resolved.open_model.model.block.token is not None:
        yield resolved.open_model.model.block.token
    if resolved.pretraining is not None and resolved.pretraining.tokenizer.token is not None:
        yield resolved.pretraining.tokenizer.token
