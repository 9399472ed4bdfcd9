"""The JSON Schema of spec files: one branch a strategy, options by provider, runtime or trainer. For editors.

Stricter checks (names that must exist elsewhere in the file, installed plugins) are the loader's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from llmstrat_iac.catalog.regions import REGIONS
from llmstrat_iac.hookspecs import Provider, Strategy
from llmstrat_iac.planner.load import API_VERSION
from llmstrat_iac.planner.tuning import load_tuning, tuning_providers
from llmstrat_iac.plugins import Registry
from llmstrat_iac.tuning import Tuning

TITLE = "llmstrat spec"
_REF = "#/$defs/{model}"


class _SpecSchema(GenerateJsonSchema):
    """Lets whole numbers have underscores: to YAML 1.2 and so to editors, `20_000` is text."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return super().int_schema(schema) | {"type": ["integer", "string"], "pattern": "^[0-9][0-9_]*$"}


def build_schema(registry: Registry) -> dict[str, Any]:
    """The schema for all strategies and providers of the registry."""
    strategies = list(registry.strategies.values())
    providers = [provider for provider in registry.providers.values() if provider.serves]
    tunings = {name: load_tuning(provider, registry) for name, provider in tuning_providers(registry).items()}
    models: list[type[BaseModel]] = [strategy.spec for strategy in strategies]
    models += [provider.options for provider in providers]
    for tuning in tunings.values():
        models += [tuning.options, *tuning.hyperparameters.values()]
    chosen = _chosen_options(registry)
    models += [model for _, options in chosen.values() for model in options.values()]
    references, schema = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF, schema_generator=_SpecSchema
    )
    definitions: dict[str, Any] = schema["$defs"]
    names = {model: str(references[model, "validation"]["$ref"]).rpartition("/")[2] for model in models}
    for strategy in strategies:
        _accept_letter(definitions[names[strategy.spec]], strategy)
        _list_regions(definitions[names[strategy.spec]])
    if "ProviderEntry" in definitions:
        _narrow_providers(definitions["ProviderEntry"], {provider: names[provider.options] for provider in providers})
    if "TuningBlock" in definitions:
        _narrow_tuning(definitions["TuningBlock"], tunings, names)
    for block, (field, options) in chosen.items():
        if block in definitions:
            _narrow_options(definitions[block], field, {name: names[model] for name, model in options.items()})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "description": f"A spec file of llmstrat-iac, `apiVersion: {API_VERSION}`. Written by `llmstrat schema`.",
        "type": "object",
        "required": ["apiVersion", "strategy"],
        "properties": {"strategy": {"enum": [name for strategy in strategies for name in _spellings(strategy)]}},
        "allOf": [_branch(strategy, names[strategy.spec]) for strategy in strategies],
        "$defs": dict(sorted(definitions.items())),
    }


def _chosen_options(registry: Registry) -> dict[str, tuple[str, dict[str, type[BaseModel]]]]:
    """By a block's model: its field that names a plugin's record, and each record's model of the block's `options:`."""
    runtimes = registry.runtimes.values()
    training = {each.name: each.training_options for each in runtimes if each.training_options is not None}
    serving = {each.name: each.serving_options for each in runtimes if each.serving_options is not None}
    cluster = {each.name: each.cluster_options for each in runtimes if each.cluster_options is not None}
    return {
        "TrainingBlock": ("runtime", training),
        "ServingBlock": ("runtime", serving),
        "ClusterBlock": ("runtime", cluster),
        "TrainerBlock": ("framework", {each.name: each.options for each in registry.trainers.values()}),
    }


def _spellings(strategy: Strategy) -> list[str]:
    return [strategy.name, strategy.letter] if strategy.letter else [strategy.name]


def _branch(strategy: Strategy, model: str) -> dict[str, Any]:
    chosen = {"properties": {"strategy": {"enum": _spellings(strategy)}}, "required": ["strategy"]}
    return {"if": chosen, "then": {"$ref": _REF.format(model=model)}}


def _accept_letter(definition: dict[str, Any], strategy: Strategy) -> None:
    field = definition["properties"]["strategy"]
    field.pop("const", None)
    field.pop("type", None)
    field["enum"] = _spellings(strategy)


def _list_regions(definition: dict[str, Any]) -> None:
    field = definition["properties"]["region"]
    field.pop("pattern", None)
    field["enum"] = sorted(REGIONS)


def _narrow_options(definition: dict[str, Any], choice: str, options: dict[str, str]) -> None:
    """Name the choices, and give each its options; those of the default also where none is named."""
    field = definition["properties"][choice]
    _list_names(field, options)
    definition["allOf"] = [
        {
            "if": {"properties": {choice: {"const": name}}}
            | ({} if name == field.get("default") else {"required": [choice]}),
            "then": {"properties": {"options": {"$ref": _REF.format(model=model)}}},
        }
        for name, model in options.items()
    ]


def _list_names(field: dict[str, Any], names: Iterable[str]) -> None:
    for key in ("pattern", "minLength", "maxLength", "type"):
        field.pop(key, None)
    field["enum"] = sorted(names)


def _narrow_providers(definition: dict[str, Any], providers: dict[Provider, str]) -> None:
    """Name the providers, and give each its options and its rule about credentials."""
    _list_names(definition["properties"]["name"], (provider.name for provider in providers))
    branches = []
    for provider, options in providers.items():
        then: dict[str, Any] = {"properties": {"options": {"$ref": _REF.format(model=options)}}}
        if provider.secret_variable:
            then["required"] = ["credentials"]
        else:
            then["properties"]["credentials"] = {"type": "null"}
        branches.append({"if": {"properties": {"name": {"const": provider.name}}}, "then": then})
    definition["allOf"] = branches


def _narrow_tuning(definition: dict[str, Any], tunings: dict[str, Tuning], names: dict[type[BaseModel], str]) -> None:
    """Name the providers that tune, and give each its options and hyperparameters."""
    _list_names(definition["properties"]["provider"], tunings)
    definition["allOf"] = [
        {
            "if": {"properties": {"provider": {"const": name}}, "required": ["provider"]},
            "then": _tuning_branch(tuning, names),
        }
        for name, tuning in tunings.items()
    ]


def _tuning_branch(tuning: Tuning, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    choices = [_REF.format(model=names[model]) for model in dict.fromkeys(tuning.hyperparameters.values())]
    properties: dict[str, Any] = {
        "options": {"$ref": _REF.format(model=names[tuning.options])},
        "hyperparameters": {"anyOf": [{"$ref": choice} for choice in choices]},
    }
    if tuning.secret_variable is None:
        properties["credentials"] = {"type": "null"}
    required = ["options"] if any(field.is_required() for field in tuning.options.model_fields.values()) else []
    return {"properties": properties} | ({"required": required} if required else {})
