"""Plugins: built-ins always, strangers only when enabled; conflicts, unknown and broken ones are named."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from llmstrat_iac.errors import PluginError
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry, find_installed, installed_plugins
from llmstrat_iac.spec.problems import InvalidSpecError

Install = Callable[[str], str]
_numbers = itertools.count()
PROVIDER = """
from llmstrat_iac.hookspecs import Provider, Upstream, hookimpl
from llmstrat_iac.spec.common import Closed
class Options(Closed):
    tier: int = 1
@hookimpl
def llmstrat_providers():
    yield Provider(name="NAME", title="Vendor", options=Options, models=lambda: (),
        upstream=lambda options, region: Upstream("openai", "https://vendor.example/v1", "bearer"),
        inside_account=False, secret_variable="VENDOR_API_KEY")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution with this module on the path, as `pip install` would; returns its name."""

    def put(source: str) -> str:
        module = f"stranger_{next(_numbers)}"
        distribution = f"llmstrat-iac-{module.replace('_', '-')}"
        (tmp_path / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        metadata = tmp_path / f"{module}-1.2.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text(f"[llmstrat_iac]\n{module} = {module}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        return distribution

    return put


def spec_with(folder: Path, *, plugins: str, provider: str, options: str = "{}") -> Path:
    path = folder / "spec.yaml"
    path.write_text(
        dedent(
            f"""\
            apiVersion: llmstrat/v1
            name: stranger
            strategy: A
            owner: ml@example.com
            region: us-east-1
            plugins: [{plugins}]
            data: {{classification: internal}}
            limits: {{ttl: 72h}}
            endpoint: {{consumers: [{{name: web, models: [chat]}}]}}
            providers:
              - name: {provider}
                models: [{{alias: chat, id: some-model}}]
                credentials: {{secret: "env:VENDOR_API_KEY"}}
                options: {options}
            """
        ),
        encoding="utf-8",
    )
    return path


def test_the_built_in_plugins_are_there() -> None:
    registry = create_registry()
    assert set(registry.strategies) == {"closed-api", "closed-api-tuned", "open-model", "from-scratch"}
    assert set(registry.providers) == {"openai", "gemini", "bedrock", "sagemaker"}
    assert registry.origins["providers:openai"] == "llmstrat_iac.providers.openai"


def test_letters_name_strategies() -> None:
    assert create_registry().strategy("A") is create_registry().strategy("closed-api")


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(PluginError, match="did you mean `gemini`"):
        create_registry().provider("gemni")


def test_an_installed_plugin_is_seen_but_not_loaded(install: Install) -> None:
    silent = install("raise AssertionError('loaded without being enabled')")
    enabled = install(PROVIDER.replace("NAME", "vendor"))
    assert silent in {plugin.distribution for plugin in installed_plugins()}
    assert silent not in create_registry([enabled]).origins.values()


def test_an_enabled_plugin_brings_its_provider_and_its_options(install: Install, tmp_path: Path) -> None:
    name = install(PROVIDER.replace("NAME", "vendor"))
    resolved = load_spec(spec_with(tmp_path, plugins=name, provider="vendor", options="{tier: 2}"))
    assert resolved.providers["vendor"].options.tier == 2
    assert resolved.providers["vendor"].provider.title == "Vendor"


def test_it_may_be_enabled_by_entry_point_name_too(install: Install) -> None:
    name = install(PROVIDER.replace("NAME", "vendor"))
    plugin, _ = find_installed(name)
    assert plugin is not None
    assert "vendor" in create_registry([plugin.name]).providers


def test_wrong_options_are_reported_under_their_path(install: Install, tmp_path: Path) -> None:
    name = install(PROVIDER.replace("NAME", "vendor"))
    path = spec_with(tmp_path, plugins=name, provider="vendor", options="{tear: 2}")
    with pytest.raises(InvalidSpecError) as caught:
        load_spec(path)
    assert str(caught.value).startswith(f"{path}:14:15: providers[0].options.tear: there is no key `tear` here")
    assert "did you mean `tier`?" in str(caught.value)


def test_a_plugin_that_is_not_installed_is_a_problem_of_the_spec(install: Install, tmp_path: Path) -> None:
    name = install(PROVIDER.replace("NAME", "vendor"))
    path = spec_with(tmp_path, plugins=f"{name}x", provider="openai")
    with pytest.raises(InvalidSpecError) as caught:
        load_spec(path)
    assert f"{path}:6:11: plugins[0]: the plugin `{name}x` isn't installed\n  did you mean `{name}`?" == str(
        caught.value
    )


def test_two_plugins_with_one_name_are_both_named(install: Install) -> None:
    name = install(PROVIDER.replace("NAME", "openai"))
    with pytest.raises(PluginError) as caught:
        create_registry([name])
    assert caught.value.message == (f"`openai` is defined twice, by `llmstrat_iac.providers.openai` and by `{name}`")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import does_not_exist_anywhere", "can't be loaded: ModuleNotFoundError"),
        ("def broken(:", "can't be loaded: SyntaxError"),
        (
            "from llmstrat_iac.hookspecs import hookimpl\n@hookimpl\ndef llmstrat_providers():\n    yield 'openai'\n",
            "yields a str from `llmstrat_providers`",
        ),
        (
            "from llmstrat_iac.hookspecs import hookimpl\n@hookimpl\ndef llmstrat_providers():\n  raise OSError('x')",
            "failed in `llmstrat_providers`: OSError: x",
        ),
        (
            "from llmstrat_iac.hookspecs import hookimpl\n@hookimpl\ndef llmstrat_models():\n    return ()\n",
            "implements a hook that doesn't exist",
        ),
        (
            "from llmstrat_iac.hookspecs import hookimpl\n@hookimpl\ndef llmstrat_providers(cloud):\n    return ()\n",
            "doesn't fit the hooks",
        ),
    ],
    ids=["import", "syntax", "record", "raises", "unknown-hook", "unknown-argument"],
)
def test_a_broken_plugin_is_named_and_not_swallowed(install: Install, source: str, message: str) -> None:
    name = install(source)
    with pytest.raises(PluginError) as caught:
        create_registry([name])
    assert message in caught.value.message
    assert name in str(caught.value) or message.startswith("implements")
    assert caught.value.remedy


def test_a_check_that_fails_names_its_plugin(install: Install, tmp_path: Path) -> None:
    name = install(
        PROVIDER.replace("NAME", "vendor")
        + "\n@hookimpl\ndef llmstrat_check(resolved):\n    raise ZeroDivisionError('in the rule')\n"
    )
    resolved = load_spec(spec_with(tmp_path, plugins=name, provider="vendor"))
    with pytest.raises(PluginError, match=f"`{name}` failed in `llmstrat_check`: ZeroDivisionError: in the rule"):
        build_plan(resolved, create_registry(resolved.spec.plugins), now=datetime(2026, 11, 24, tzinfo=UTC))


def test_a_check_takes_only_what_it_asks_for(install: Install, tmp_path: Path) -> None:
    name = install(
        PROVIDER.replace("NAME", "vendor")
        + "\nfrom llmstrat_iac.plan import Finding, Severity\n"
        + "@hookimpl\ndef llmstrat_check(now):\n"
        + "    yield Finding('own-rule', Severity.WARNING, 'region', f'it is {now.year}')\n"
    )
    resolved = load_spec(spec_with(tmp_path, plugins=name, provider="vendor"))
    plan = build_plan(resolved, create_registry(resolved.spec.plugins), now=datetime(2026, 11, 24, tzinfo=UTC))
    assert [finding.message for finding in plan.findings if finding.rule == "own-rule"] == ["it is 2026"]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("nowhere.at_all:TUNING", "ModuleNotFoundError"),
        ("llmstrat_iac.tuning:NOTHING", "AttributeError"),
        ("llmstrat_iac.tuning:TUNING_SECRET", "tuning.credentials"),
        ("llmstrat_iac.tuning:plain_name", "it is a function"),
    ],
)
def test_a_tuning_that_cant_be_loaded_names_its_plugin(
    named: str, message: str, install: Install, tmp_path: Path
) -> None:
    source = PROVIDER.replace("NAME", "vendor").replace("inside_account", f'tuning="{named}", inside_account')
    plugin = install(source)
    path = tmp_path / "spec.yaml"
    path.write_text(
        dedent(
            f"""\
            apiVersion: llmstrat/v1
            name: stranger
            strategy: B
            owner: ml@example.com
            region: us-east-1
            plugins: [{plugin}]
            data: {{classification: internal}}
            limits: {{ttl: 72h}}
            endpoint: {{consumers: [{{name: web, models: [tuned]}}]}}
            tuning: {{provider: vendor, alias: tuned, base_model: m, dataset: {{train: t.jsonl}}}}
            """
        ),
        encoding="utf-8",
    )
    with pytest.raises(PluginError) as caught:
        load_spec(path)
    assert plugin in caught.value.message
    assert message in caught.value.message
