"""`relay.json` as frozen data: consumers, models with their ordered routes, and providers. Read once, at start.

The infrastructure program writes the file; it holds ARNs and names, never a key.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import ConfigError
from .fields import Fields, read_fields

CONFIG_VARIABLE: Final = "LLMSTRAT_RELAY_CONFIG"
OPENAI_WIRE: Final = "openai"
CONVERSE_WIRE: Final = "bedrock-converse"
SAGEMAKER_WIRE: Final = "sagemaker"
_AUTH = {
    OPENAI_WIRE: ("bearer", "google", "sigv4", "none"),
    CONVERSE_WIRE: ("sigv4",),
    SAGEMAKER_WIRE: ("sigv4",),
}


@dataclass(frozen=True, slots=True)
class Consumer:
    name: str
    models: frozenset[str]
    tokens_per_month: int | None  # None: no limit


@dataclass(frozen=True, slots=True)
class Route:
    """One way to serve an alias. Prices are USD per million tokens; None is unknown, which is not zero."""

    provider: str
    model: str
    usd_per_mtok_input: float | None
    usd_per_mtok_output: float | None


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    wire: str
    auth: str
    base_url: str | None
    region: str | None
    secret_arn: str | None  # a Secrets Manager ARN or name, or `env:NAME` outside AWS


@dataclass(frozen=True, slots=True)
class RelayConfig:
    stack: str
    consumers: dict[str, Consumer]
    models: dict[str, tuple[Route, ...]]
    providers: dict[str, Provider]
    budget_table: str | None
    log_prompts: bool
    keepalive_seconds: float


def config_path() -> Path:
    """Where `relay.json` is: `$LLMSTRAT_RELAY_CONFIG`, else the Lambda's root, else the current folder."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / "relay.json"


def load_config(path: Path | None = None) -> RelayConfig:
    """Read and check `relay.json`; ConfigError says which field is wrong."""
    return parse_config(read_fields(path or config_path()))


def parse_config(root: Fields) -> RelayConfig:
    """Turn the parsed file into frozen data, and check that its parts refer to each other."""
    root.only(
        "version", "stack", "consumers", "models", "providers", "budget_table", "log_prompts", "keepalive_seconds"
    )
    config = RelayConfig(
        stack=root.take("stack", str),
        consumers={name: _consumer(name, item) for name, item in root.each("consumers")},
        models={name: _routes(root, name) for name in root.take("models", dict)},
        providers={name: _provider(name, item) for name, item in root.each("providers")},
        budget_table=root.maybe("budget_table", str),
        log_prompts=root.maybe("log_prompts", bool) or False,
        keepalive_seconds=_positive(root, "keepalive_seconds", 15.0),
    )
    _check_references(config, root.path)
    return config


def _consumer(name: str, item: Fields) -> Consumer:
    item.only("models", "tokens_per_month")
    tokens = item.maybe("tokens_per_month", int)
    if tokens is not None and tokens < 0:
        raise ConfigError(f"{item.path}.tokens_per_month: must not be negative, got {tokens}")
    return Consumer(name, frozenset(item.strings("models")), tokens)


def _routes(root: Fields, alias: str) -> tuple[Route, ...]:
    path = f"{root.path}.models.{alias}"
    items = root.value["models"][alias]
    if not isinstance(items, list) or not items:
        raise ConfigError(f"{path}: expected a list of at least one route")
    return tuple(_route(Fields(item, f"{path}[{index}]")) for index, item in enumerate(items))


def _route(item: Fields) -> Route:
    item.only("provider", "model", "usd_per_mtok_input", "usd_per_mtok_output")
    return Route(
        provider=item.take("provider", str),
        model=item.take("model", str),
        usd_per_mtok_input=item.maybe("usd_per_mtok_input", float),
        usd_per_mtok_output=item.maybe("usd_per_mtok_output", float),
    )


def _provider(name: str, item: Fields) -> Provider:
    item.only("wire", "base_url", "auth", "region", "secret_arn")
    provider = Provider(
        name=name,
        wire=item.take("wire", str),
        auth=item.take("auth", str),
        base_url=item.maybe("base_url", str),
        region=item.maybe("region", str),
        secret_arn=item.maybe("secret_arn", str),
    )
    if provider.wire not in _AUTH:
        raise ConfigError(f"{item.path}.wire: expected one of {', '.join(_AUTH)}, got {provider.wire!r}")
    if provider.auth not in _AUTH[provider.wire]:
        allowed = " or ".join(_AUTH[provider.wire])
        raise ConfigError(f"{item.path}.auth: wire {provider.wire} takes {allowed}, got {provider.auth!r}")
    if provider.wire != CONVERSE_WIRE:
        if not (provider.base_url or "").startswith(("https://", "http://")):
            raise ConfigError(
                f"{item.path}.base_url: wire {provider.wire} needs an http(s) URL, got {provider.base_url!r}"
            )
        if provider.auth == "sigv4" and not provider.region:
            raise ConfigError(f"{item.path}.region: auth sigv4 needs the region to sign for")
    if provider.auth in ("bearer", "google") and not provider.secret_arn:
        raise ConfigError(f"{item.path}.secret_arn: auth {provider.auth} needs a secret")
    return provider


def _positive(root: Fields, name: str, default: float) -> float:
    value = root.maybe(name, float)
    if value is not None and value <= 0:
        raise ConfigError(f"{root.path}.{name}: must be more than 0, got {value:g}")
    return default if value is None else value


def _check_references(config: RelayConfig, path: str) -> None:
    for alias, routes in config.models.items():
        for index, route in enumerate(routes):
            if route.provider not in config.providers:
                raise ConfigError(f"{path}.models.{alias}[{index}].provider: no provider {route.provider!r}")
    for consumer in config.consumers.values():
        unknown = sorted(consumer.models - config.models.keys())
        if unknown:
            raise ConfigError(f"{path}.consumers.{consumer.name}.models: no model {unknown[0]!r}")
