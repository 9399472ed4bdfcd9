"""Loads plugins: the built-in ones always, third parties' only when a spec enables them by name.

`create_registry()` is the one entry. It turns pluggy's hooks into a registry of named records and reports conflicts,
unknown names and broken plugins as `PluginError`s that name the package at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

import pluggy

from llmstrat_iac import hookspecs
from llmstrat_iac.errors import PluginError
from llmstrat_iac.hookspecs import PROJECT_NAME, Provider, Runtime, Strategy, Trainer
from llmstrat_iac.spec.names import suggest

BUILTIN_PLUGINS = (
    "llmstrat_iac.strategies.closed_api",
    "llmstrat_iac.strategies.closed_api_tuned",
    "llmstrat_iac.strategies.open_model",
    "llmstrat_iac.strategies.from_scratch",
    "llmstrat_iac.providers.openai",
    "llmstrat_iac.providers.gemini",
    "llmstrat_iac.providers.bedrock",
    "llmstrat_iac.providers.sagemaker",
    "llmstrat_iac.runtimes.ec2",
    "llmstrat_iac.runtimes.hyperpod",
    "llmstrat_iac.runtimes.sagemaker",
    "llmstrat_iac.trainers.torchtitan",
    "llmstrat_iac.governance",
)

Record = TypeVar("Record", Strategy, Provider, Runtime, Trainer)


@dataclass(frozen=True)
class InstalledPlugin:
    """A third-party plugin found by entry point, not loaded until it is enabled."""

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint


@dataclass(frozen=True)
class Registry:
    """All records of the loaded plugins by name, and the plugin that each comes from."""

    strategies: Mapping[str, Strategy]
    providers: Mapping[str, Provider]
    runtimes: Mapping[str, Runtime]
    trainers: Mapping[str, Trainer]
    origins: Mapping[str, str]
    hook: pluggy.HookRelay

    def strategy(self, name: str) -> Strategy:
        """The strategy of this name or letter; PluginError lists the choices."""
        for strategy in self.strategies.values():
            if strategy.letter == name:
                return strategy
        return _find("strategy", name, self.strategies)

    def provider(self, name: str) -> Provider:
        """The provider of this name; PluginError lists the choices."""
        return _find("provider", name, self.providers)

    def runtime(self, name: str) -> Runtime:
        """The runtime of this name; PluginError lists the choices."""
        return _find("runtime", name, self.runtimes)


def installed_plugins() -> tuple[InstalledPlugin, ...]:
    """The third-party plugins that are installed, enabled or not, by name."""
    found = []
    for entry_point in entry_points(group=PROJECT_NAME):
        metadata = entry_point.dist
        found.append(
            InstalledPlugin(
                name=entry_point.name,
                distribution=metadata.name if metadata else entry_point.value,
                version=metadata.version if metadata else "unknown",
                entry_point=entry_point,
            )
        )
    return tuple(sorted(found, key=lambda plugin: plugin.name))


def find_installed(name: str) -> tuple[InstalledPlugin | None, str]:
    """The installed plugin of this distribution or entry point name, else None and what to do."""
    installed = installed_plugins()
    for plugin in installed:
        if name in (plugin.name, plugin.distribution):
            return plugin, ""
    names = [plugin.distribution for plugin in installed]
    return None, suggest(name, names) if names else f"`pip install {name}`"


def create_registry(enabled: Iterable[str] = ()) -> Registry:
    """Load the built-in plugins and the enabled third-party ones."""
    return _create_registry(tuple(enabled))


@lru_cache(maxsize=8)
def _create_registry(enabled: tuple[str, ...]) -> Registry:
    plugin_manager = pluggy.PluginManager(PROJECT_NAME)
    plugin_manager.add_hookspecs(hookspecs)
    for module in BUILTIN_PLUGINS:
        _register(plugin_manager, module, partial(import_module, module))
    for name in enabled:
        plugin, remedy = find_installed(name)
        if plugin is None:
            raise PluginError(f"the plugin `{name}` isn't installed", remedy=remedy)
        _register(plugin_manager, plugin.distribution, plugin.entry_point.load)
    _check_hooks(plugin_manager)
    origins: dict[str, str] = {}
    return Registry(
        strategies=_collect(plugin_manager, "strategies", Strategy, origins),
        providers=_collect(plugin_manager, "providers", Provider, origins),
        runtimes=_collect(plugin_manager, "runtimes", Runtime, origins),
        trainers=_collect(plugin_manager, "trainers", Trainer, origins),
        origins=origins,
        hook=plugin_manager.hook,
    )


def _register(plugin_manager: pluggy.PluginManager, name: str, load: Callable[[], object]) -> None:
    try:
        plugin_manager.register(load(), name=name)
    except pluggy.PluginValidationError as error:
        raise PluginError(
            f"the plugin `{name}` doesn't fit the hooks: {error}", remedy="see docs/plugins.md for the hooks"
        ) from error
    except Exception as error:
        raise PluginError(
            f"the plugin `{name}` can't be loaded: {type(error).__name__}: {error}",
            remedy=f"repair or update it, or take `{name}` out of `plugins:`",
        ) from error


def _check_hooks(plugin_manager: pluggy.PluginManager) -> None:
    try:
        plugin_manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(
            f"a plugin implements a hook that doesn't exist: {error}", remedy="see docs/plugins.md for the hooks"
        ) from error


def _collect(
    plugin_manager: pluggy.PluginManager, kind: str, record_type: type[Record], origins: dict[str, str]
) -> dict[str, Record]:
    records: dict[str, Record] = {}
    for implementation in getattr(plugin_manager.hook, f"llmstrat_{kind}").get_hookimpls():
        origin = implementation.plugin_name
        try:
            yielded = tuple(implementation.function())
        except Exception as error:
            raise PluginError(
                f"the plugin `{origin}` failed in `llmstrat_{kind}`: {type(error).__name__}: {error}",
                remedy=f"repair or update it, or take `{origin}` out of `plugins:`",
            ) from error
        for record in yielded:
            if not isinstance(record, record_type):
                raise PluginError(
                    f"the plugin `{origin}` yields a {type(record).__name__} from `llmstrat_{kind}`",
                    remedy=f"it must yield {record_type.__name__} records; see docs/plugins.md",
                )
            if record.name in records:
                raise PluginError(
                    f"`{record.name}` is defined twice, by `{origins[f'{kind}:{record.name}']}` and by `{origin}`",
                    remedy="take one of the two out of `plugins:`",
                )
            records[record.name] = record
            origins[f"{kind}:{record.name}"] = origin
    return records


def _find(kind: str, name: str, records: Mapping[str, Record]) -> Record:
    if name in records:
        return records[name]
    raise PluginError(f"there is no {kind} `{name}`", remedy=suggest(name, records))
