"""`load_spec()`: the one way from a YAML file to a valid spec with the plugins that it names.

Stages: read the file with positions, find its plugins and its strategy, validate with the strategy's model, resolve
each provider and validate its options with the provider's own model. Problems of all stages come as one
`InvalidSpecError`; only what a later stage can't do without (version, strategy) stops early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from llmstrat_iac.catalog.regions import REGIONS
from llmstrat_iac.hookspecs import Provider, ResolvedProvider, ResolvedSpec, Strategy
from llmstrat_iac.planner.tuning import assemble_tuning, resolve_tuning
from llmstrat_iac.plugins import Registry, create_registry, find_installed
from llmstrat_iac.spec.common import StrategySpec
from llmstrat_iac.spec.document import Document, read_document
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.problems import Problem

if TYPE_CHECKING:
    from llmstrat_iac.open_model import ResolvedOpenModel
    from llmstrat_iac.pretraining import ResolvedPretraining

API_VERSION = "llmstrat/v1"


def load_spec(path: Path) -> ResolvedSpec:
    """Read and validate a spec file. InvalidSpecError names every problem; PluginError, a plugin that is broken."""
    return resolve_document(read_document(path))


def resolve_document(document: Document) -> ResolvedSpec:
    """Validate a document and resolve the plugins that it names."""
    _require_version(document)
    problems: list[Problem] = []
    registry = create_registry(_enabled_plugins(document.data, problems))
    strategy = _find_strategy(document, registry, problems)
    data = document.data | {"strategy": strategy.name}
    spec, cause = _validate(strategy.spec, data, problems)
    if all(problem.path != ("region",) for problem in problems):
        problems += _check_region(data)
    providers = _resolve_providers(data, registry, problems)
    tuning = resolve_tuning(data, registry, problems) if "tuning" in strategy.spec.model_fields else None
    assemble = _resolve_own_models(strategy, data, registry, problems)
    if problems or spec is None:
        raise document.error(problems) from cause
    served, own = assemble(spec, document.source)
    return ResolvedSpec(
        spec=spec,
        strategy=strategy,
        providers={
            entry.name: ResolvedProvider(entry, *providers[entry.name]) for entry in getattr(spec, "providers", ())
        },
        open_model=served,
        tuning=assemble_tuning(tuning, spec, document.source) if tuning else None,
        tuning_provider=tuning.provider if tuning else None,
        pretraining=own,
    )


def _resolve_own_models(
    strategy: Strategy, data: Mapping[str, Any], registry: Registry, problems: list[Problem]
) -> Callable[[StrategySpec, str], tuple[ResolvedOpenModel | None, ResolvedPretraining | None]]:
    """The blocks of strategies C and D. Their catalogue isn't loaded for a spec that has none."""
    if "model" in strategy.spec.model_fields:
        from llmstrat_iac.planner.open_model import assemble_open_model, resolve_open_model

        model = resolve_open_model(data, registry, problems)
        return lambda spec, source: (assemble_open_model(model, spec, source) if model else None, None)
    if "corpus" in strategy.spec.model_fields:
        from llmstrat_iac.planner.pretraining import assemble_pretraining, assemble_served, resolve_pretraining

        parts = resolve_pretraining(data, registry, problems)

        def assemble(spec: StrategySpec, _source: str) -> tuple[ResolvedOpenModel | None, ResolvedPretraining | None]:
            own = assemble_pretraining(parts, spec) if parts else None
            return (assemble_served(parts, own, spec) if parts and own else None), own

        return assemble
    return lambda _spec, _source: (None, None)


def _require_version(document: Document) -> None:
    found = document.data.get("apiVersion")
    if found == API_VERSION:
        return
    message = "is missing" if found is None else f"`{found}` is a version that this release doesn't read"
    raise document.error([Problem(("apiVersion",), message, f"write `apiVersion: {API_VERSION}`")])


def _enabled_plugins(data: Mapping[str, Any], problems: list[Problem]) -> list[str]:
    names = data.get("plugins")
    enabled = []
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if not isinstance(name, str):
            continue  # the spec's model reports it
        plugin, remedy = find_installed(name)
        if plugin is None:
            problems.append(Problem(("plugins", index), f"the plugin `{name}` isn't installed", remedy))
        elif name not in enabled:
            enabled.append(name)
    return enabled


def _find_strategy(document: Document, registry: Registry, problems: list[Problem]) -> Strategy:
    name = document.data.get("strategy")
    for strategy in registry.strategies.values():
        if name is not None and name in (strategy.name, strategy.letter):
            return strategy
    choices = ", ".join(f"`{strategy.name}`" for strategy in registry.strategies.values())
    if name is None:
        problem = Problem(("strategy",), "is missing", f"choose one of {choices}; `llmstrat strategies` compares them")
    else:
        problem = Problem(("strategy",), f"there is no strategy `{name}`", suggest(str(name), registry.strategies))
    raise document.error([*problems, problem])


def _validate(
    model: type[StrategySpec], data: Mapping[str, Any], problems: list[Problem]
) -> tuple[StrategySpec | None, ValidationError | None]:
    try:
        return model.model_validate(data), None
    except ValidationError as error:
        problems += _explain(model, error, ())
        return None, error


def _explain(model: type[BaseModel], error: ValidationError, prefix: tuple[str | int, ...]) -> Iterator[Problem]:
    from llmstrat_iac.spec.messages import explain

    return explain(model, error, prefix)


def _check_region(data: Mapping[str, Any]) -> Iterator[Problem]:
    region = data.get("region")
    if isinstance(region, str) and region not in REGIONS:
        remedy = suggest(region, REGIONS) if region[:3] in {name[:3] for name in REGIONS} else "such as `us-east-1`"
        yield Problem(("region",), f"there is no AWS region `{region}`", remedy)


def _resolve_providers(
    data: Mapping[str, Any], registry: Registry, problems: list[Problem]
) -> dict[str, tuple[Provider, Any]]:
    """The plugin and the validated options of each provider entry that is in shape; the model reports the others."""
    resolved: dict[str, tuple[Provider, Any]] = {}
    entries = data.get("providers")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        provider = registry.providers.get(name)
        if provider is None:
            remedy = suggest(name, (known.name for known in registry.providers.values() if known.serves))
            problems.append(Problem(("providers", index, "name"), f"there is no provider `{name}`", remedy))
            continue
        if not provider.serves:
            message = f"{provider.title} only tunes; it has no models to call"
            problems.append(Problem(("providers", index, "name"), message, "name it under `tuning:`"))
            continue
        problems += _check_credentials(provider, entry, index)
        options = entry.get("options", {})
        if isinstance(options, dict):
            try:
                resolved[name] = (provider, provider.options.model_validate(options))
            except ValidationError as error:
                problems += _explain(provider.options, error, ("providers", index, "options"))
    return resolved


def _check_credentials(provider: Provider, entry: Mapping[str, Any], index: int) -> Iterator[Problem]:
    given = entry.get("credentials") is not None
    if provider.secret_variable and not given:
        remedy = f"add `credentials: {{secret: env:{provider.secret_variable}}}`, or name a Secrets Manager secret"
        yield Problem(("providers", index, "credentials"), f"{provider.title} needs an API key", remedy)
    if not provider.secret_variable and given:
        path = ("providers", index, "credentials")
        yield Problem(path, f"{provider.title} takes no API key: the relay's role calls it", "remove it", at_key=True)
