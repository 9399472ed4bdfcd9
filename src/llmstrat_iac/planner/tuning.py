"""Resolves the spec's `tuning:` block: the provider's tuning, and its models of hyperparameters and options.

Reads no dataset. Problems come with their path, like the loader's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from llmstrat_iac.errors import PluginError
from llmstrat_iac.hookspecs import Provider
from llmstrat_iac.plugins import Registry
from llmstrat_iac.spec.common import StrategySpec
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.problems import Path as SpecPath
from llmstrat_iac.spec.problems import Problem
from llmstrat_iac.spec.providers import Credentials
from llmstrat_iac.spec.tuning import TuningBlock
from llmstrat_iac.tuning import DatasetSource, Hyperparameters, ResolvedTuning, Tuning


@dataclass(frozen=True)
class TuningParts:
    """What the vendor's models made of the block."""

    provider: Provider
    tuning: Tuning
    hyperparameters: Hyperparameters
    options: BaseModel


def load_tuning(provider: Provider, registry: Registry) -> Tuning:
    """The object that `Provider.tuning` names; PluginError names the plugin whose object can't be loaded."""
    assert provider.tuning is not None, "checked by the caller"
    module, _, name = provider.tuning.partition(":")
    try:
        found = getattr(import_module(module), name)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    if not isinstance(found, Tuning):
        raise PluginError(
            f"the tuning `{provider.tuning}` of the plugin `{registry.origins[f'providers:{provider.name}']}` "
            f"can't be used: {found if isinstance(found, str) else f'it is a {type(found).__name__}'}",
            remedy="it must be a llmstrat_iac.tuning.Tuning; see docs/plugins.md",
        )
    return found


def tuning_providers(registry: Registry) -> dict[str, Provider]:
    """The providers with managed fine-tuning, by name."""
    return {name: provider for name, provider in registry.providers.items() if provider.tuning}


def resolve_tuning(data: Mapping[str, Any], registry: Registry, problems: list[Problem]) -> TuningParts | None:
    """Validate what belongs to the vendor; None if there is no block, or if it is wrong."""
    block = data.get("tuning")
    name = block.get("provider") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(name, str):
        return None  # the spec's model reports what is missing or misshapen
    offered = tuning_providers(registry)
    if name not in offered:
        known = name in registry.providers
        message = f"`{name}` has no managed fine-tuning" if known else f"there is no provider `{name}`"
        problems.append(Problem(("tuning", "provider"), message, suggest(name, offered)))
        return None
    provider = offered[name]
    tuning = load_tuning(provider, registry)
    problems += _check_credentials(provider, tuning, block, data)
    hyperparameters = _validate_hyperparameters(tuning, block, problems)
    options = validate_options(tuning.options, block.get("options", {}), ("tuning", "options"), problems)
    if hyperparameters is None or options is None:
        return None
    return TuningParts(provider, tuning, hyperparameters, options)


def assemble_tuning(parts: TuningParts, spec: StrategySpec, source: str) -> ResolvedTuning:
    """Put the resolved parts of a valid spec together; local paths are relative to the spec's folder."""
    block: TuningBlock = spec.tuning  # type: ignore[attr-defined]
    folder = Path(source).parent
    validation = block.dataset.validation
    return ResolvedTuning(
        block=block,
        tuning=parts.tuning,
        stack_name=f"{spec.name}-{spec.environment}",
        region=spec.region,
        hyperparameters=parts.hyperparameters,
        options=parts.options,
        train=dataset_source(block.dataset.train, folder),
        validation=dataset_source(validation, folder) if validation else None,
        credentials=block.credentials or _shared_credentials(parts, spec),
        inside_account=parts.provider.inside_account,
        models=parts.provider.models,
        expires=spec.limits.ttl.duration is not None,
    )


def dataset_source(written: str, folder: Path) -> DatasetSource:
    """A local file below the spec's folder, or an S3 object."""
    return DatasetSource(written, None if written.startswith("s3://") else folder / Path(written).expanduser())


def _shared_credentials(parts: TuningParts, spec: StrategySpec) -> Credentials | None:
    if parts.tuning.secret_variable != parts.provider.secret_variable:
        return None
    entries = getattr(spec, "providers", ())
    return next((entry.credentials for entry in entries if entry.name == parts.provider.name), None)


def _validate_hyperparameters(
    tuning: Tuning, block: Mapping[str, Any], problems: list[Problem]
) -> Hyperparameters | None:
    base, method = block.get("base_model"), block.get("method", "supervised")
    if not isinstance(base, str) or not isinstance(method, str):
        return None
    model = tuning.hyperparameters_of(base, method)
    if model is not None:
        found = validate_options(model, block.get("hyperparameters", {}), ("tuning", "hyperparameters"), problems)
        return found if isinstance(found, Hyperparameters) else None
    if method in ("supervised", "preference"):
        problems.append(_untunable(tuning, base, method))
    return None


def _untunable(tuning: Tuning, base: str, method: str) -> Problem:
    other = next((each for each in ("supervised", "preference") if tuning.hyperparameters_of(base, each)), None)
    if other:
        return Problem(("tuning", "method"), f"`{base}` can't be tuned by {method}", f"it takes: {other}")
    remedy = suggest(base, (known.id for known in tuning.bases()))
    return Problem(("tuning", "base_model"), f"{tuning.title} can't tune `{base}`", remedy)


def validate_options(
    model: type[BaseModel], value: object, path: SpecPath, problems: list[Problem]
) -> BaseModel | None:
    """Validate a plugin's own block by its model; None, and problems below `path`, if it is wrong."""
    if not isinstance(value, dict):
        return None  # the spec's model reports it
    try:
        return model.model_validate(value)
    except ValidationError as error:
        from llmstrat_iac.spec.messages import explain

        problems += explain(model, error, path)
        return None


def _check_credentials(
    provider: Provider, tuning: Tuning, block: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[Problem]:
    path = ("tuning", "credentials")
    given = block.get("credentials") is not None
    if given and tuning.secret_variable is None:
        yield Problem(path, f"{tuning.title} takes no key: it works with AWS roles", "remove it", at_key=True)
    if given or tuning.secret_variable is None:
        return
    entries = data.get("providers")
    shares = tuning.secret_variable == provider.secret_variable
    if shares and any(
        isinstance(entry, dict) and entry.get("name") == provider.name
        for entry in (entries if isinstance(entries, list) else ())
    ):
        return
    remedy = f"add `credentials: {{secret: env:{tuning.secret_variable}}}`, or name a Secrets Manager secret"
    yield Problem(path, f"{tuning.title} needs a key", remedy)
