"""How `llmstrat models --open` shows the open models that strategy C knows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llmstrat_iac.catalog.open_models import OpenModel
from llmstrat_iac.cli.text import UNKNOWN, count


def open_models_document(models: tuple[OpenModel, ...]) -> list[dict[str, Any]]:
    """Plain data for `--json`."""
    return [
        asdict(model) | {"parameters": model.architecture.parameters, "active": model.architecture.active_parameters}
        for model in models
    ]


def print_open_models(models: tuple[OpenModel, ...]) -> None:
    """A table of at most 100 columns."""
    from llmstrat_iac.cli.render import console, print_table, table

    out = console()
    numbers = ("billions", "context")
    shown = table("model", *numbers, "licence", "token", right=numbers, wrap=("model", "licence"))
    for model in models:
        licence = model.licence
        shown.add_row(
            model.id,
            f"{model.architecture.parameters / 1e9:.3g}",
            f"{model.architecture.max_context / 1024:,.0f}k",
            UNKNOWN if licence is None else f"{licence.name}{'' if not licence.must_accept else ', to accept'}",
            {True: "needed", False: "no", None: UNKNOWN}[model.gated],
        )
    print_table(out, shown)
    out.print(
        f"{count(len(models), 'model')}; billions of parameters. A licence to accept is named in `accept_licence`; a "
        "token is the hub's, of somebody who has accepted it there. Any other model works with its `architecture:`."
    )
