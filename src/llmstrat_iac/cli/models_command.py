"""`llmstrat models`: the closed models that are known, with prices and retirement."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import click

from llmstrat_iac.catalog.models import ModelInfo
from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.plugin_option import plugin_option
from llmstrat_iac.cli.text import UNKNOWN, count, print_json, unit_price
from llmstrat_iac.hookspecs import Provider
from llmstrat_iac.plugins import Registry, create_registry


@click.command("models")
@click.option("--provider", "name", help="Only this provider's models.")
@click.option("--retired", is_flag=True, help="Retired models, too.")
@click.option("--tunable", is_flag=True, help="Instead, the bases that vendors tune.")
@click.option("--open", "opened", is_flag=True, help="Instead, the open models that you can host yourself.")
@json_option
@plugin_option
def command(
    name: str | None, retired: bool, tunable: bool, opened: bool, as_json: bool, plugins: tuple[str, ...]
) -> None:
    """List known models with prices (USD per million tokens), context and retirement."""
    if opened:
        _show_open(as_json=as_json)
        return
    registry = create_registry(plugins)
    providers = [registry.provider(name)] if name else list(registry.providers.values())
    today = datetime.now(UTC).date()
    if tunable:
        _show_bases(registry, providers, today, retired=retired, as_json=as_json)
        return
    rows = [
        (provider, model)
        for provider in providers
        for model in provider.models()
        if retired or model.retires is None or model.retires > today
    ]
    if as_json:
        print_json([_document(provider, model) for provider, model in rows])
    else:
        _print(rows, today)


def _show_open(*, as_json: bool) -> None:
    from llmstrat_iac.catalog.open_models import open_models
    from llmstrat_iac.cli.render_open_models import open_models_document, print_open_models

    if as_json:
        print_json(open_models_document(open_models()))
    else:
        print_open_models(open_models())


def _show_bases(registry: Registry, providers: list[Provider], today: date, *, retired: bool, as_json: bool) -> None:
    from llmstrat_iac.cli.render_bases import bases_document, print_bases
    from llmstrat_iac.planner.tuning import load_tuning

    rows = [
        (provider.name, base)
        for provider in providers
        if provider.tuning
        for base in load_tuning(provider, registry).bases()
        if retired or base.retires is None or base.retires > today
    ]
    if as_json:
        print_json(bases_document(rows))
    else:
        print_bases(rows, today)


def _document(provider: Provider, model: ModelInfo) -> dict[str, Any]:
    return {
        "provider": provider.name,
        "id": model.id,
        "usd_per_mtok_input": model.usd_per_mtok_input,
        "usd_per_mtok_output": model.usd_per_mtok_output,
        "max_input_tokens": model.max_input_tokens,
        "max_output_tokens": model.max_output_tokens,
        "retires": model.retires.isoformat() if model.retires else None,
        "replacement": model.replacement,
        "source": model.source,
        "as_of": model.as_of,
    }


def _print(rows: list[tuple[Provider, ModelInfo]], today: date) -> None:
    from llmstrat_iac.cli.render import console, print_table, table

    out = console()
    shown = table(
        "provider",
        "model",
        "in",
        "out",
        "context",
        "as of",
        "retires",
        right=("in", "out", "context"),
        wrap=("retires",),
    )
    for provider, model in rows:
        shown.add_row(
            provider.name,
            model.id,
            unit_price(model.usd_per_mtok_input)[0],
            unit_price(model.usd_per_mtok_output)[0],
            _tokens(model.max_input_tokens),
            model.as_of,
            _retirement(model, today),
        )
    print_table(out, shown)
    out.print(
        f"{count(len(rows), 'model')}; USD per million tokens. A retirement is shown if one is announced; "
        "`--json` names the source of each row."
    )


def _tokens(number: int | None) -> str:
    if number is None:
        return UNKNOWN
    return f"{number / 1e6:.3g}M" if number >= 1_000_000 else f"{number / 1e3:.4g}k"


def _retirement(model: ModelInfo, today: date) -> str:
    if model.retires is None:
        return ""
    colour = "red" if model.retires <= today else "yellow"
    instead = f", use {model.replacement}" if model.replacement else ""
    return f"[{colour}]{model.retires}[/]{instead}"
