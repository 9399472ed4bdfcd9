"""How `llmstrat fit` shows a choice: the best instance, its memory part by part, runners-up, and why not others."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from llmstrat_iac.catalog.open_models import OpenModel
from llmstrat_iac.catalog.sizing.contract import Choice, Fit, Rejection, ServingNeed, TrainingNeed
from llmstrat_iac.catalog.sizing.ranking import perhaps_cheaper
from llmstrat_iac.catalog.sizing.serving_memory import UTILIZATION
from llmstrat_iac.catalog.sizing.speed import (
    Range,
    serving_tokens_per_second,
    training_tokens_per_second,
    usd_per_million_tokens,
)
from llmstrat_iac.cli.render import console, print_table, table
from llmstrat_iac.cli.text import UNKNOWN, count
from llmstrat_iac.open_model import Runtime

_BAR = 40
_RUNNERS_UP = 5
_REJECTED = 12


def fit_document(
    model: OpenModel, need: ServingNeed | TrainingNeed, choice: Choice, runtime: Runtime, region: str
) -> dict[str, Any]:
    """Plain data for `--json`."""
    return {
        "model": model.id,
        "parameters": model.architecture.parameters,
        "for": "serving" if isinstance(need, ServingNeed) else f"training ({need.method})",
        "runtime": runtime.name,
        "region": region,
        "best": _fit_document(choice.best, runtime) if choice.best else None,
        "fits": [_fit_document(fit, runtime) for fit in choice.fits],
        "rejected": [
            {
                "instance": runtime.instance_name(each.instance.name),
                "usd_per_hour": each.price.usd,
                "reason": each.reason,
            }
            for each in choice.rejected
        ],
    }


def print_fit(
    model: OpenModel, need: ServingNeed | TrainingNeed, choice: Choice, runtime: Runtime, region: str
) -> None:
    """Print the choice, at most 100 columns wide."""
    out = console()
    out.print(f"[bold]{model.id}[/]  {_about(model)}")
    out.print(f"{_asked(need)}; {_terms(model)}")
    if choice.best is not None:
        _print_best(out, need, choice.best, runtime, region)
        _print_runners_up(out, choice, runtime)
    _print_rejected(out, choice, runtime)


def _about(model: OpenModel) -> str:
    shape = model.architecture
    size = f"{shape.parameters / 1e9:.3g} billion parameters"
    if shape.experts:
        size += f", {shape.active_parameters / 1e9:.3g} of them at once"
    return f"{size}, context {shape.max_context:,}"


def _terms(model: OpenModel) -> str:
    if model.licence is None:
        return "licence unknown"
    return f"licence {model.licence.name}" + (", to accept" if model.licence.must_accept else "")


def _asked(need: ServingNeed | TrainingNeed) -> str:
    if isinstance(need, ServingNeed):
        weights = "weights as published" if need.quantization == "none" else f"weights in {need.quantization}"
        return f"served by vLLM, {weights}, {need.concurrency} sequences of {need.context:,} tokens at once"
    adapter = "" if need.method == "full" else f", rank {need.rank}"
    return f"trained by TRL, {need.method}{adapter}, examples of {need.max_length:,} tokens"


def _print_best(out: Console, need: ServingNeed | TrainingNeed, fit: Fit, runtime: Runtime, region: str) -> None:
    instance = fit.instance
    name = runtime.instance_name(instance.name)
    out.print(
        f"\n[bold green]{name}[/]  {instance.accelerators} x {instance.accelerator}, {instance.vcpus} vCPUs, "
        f"{instance.memory_gib:,.0f} GiB"
    )
    price = "price unknown" if fit.price.usd is None else f"{fit.price.usd:,.3f} USD an hour"
    out.print("; ".join(filter(None, (f"{price} on {runtime.title} in {region}", _use(need, fit)))))
    shown = table("  each GPU", "GiB", "", right=("GiB",))
    for name, gib in fit.memory.parts:
        shown.add_row(f"  {name}", f"{gib:.1f}", f"[cyan]{_bar(gib, fit.memory.available)}[/]")
    shown.add_row(
        "  [dim]free[/]",
        f"{fit.memory.headroom:.1f}",
        f"[dim]{_bar(fit.memory.headroom, fit.memory.available, '░')}[/]",
    )
    whose = f"usable: {UTILIZATION:g} of {instance.cuda_gib:.1f}, vLLM's share"
    shown.add_row(
        "  [bold]in all[/]", f"{fit.memory.available:.1f}", whose if isinstance(need, ServingNeed) else "usable"
    )
    print_table(out, shown)
    out.print(_speed(need, fit))


def _use(need: ServingNeed | TrainingNeed, fit: Fit) -> str:
    """How the GPUs share the work, and how much each does at once."""
    if isinstance(need, ServingNeed):
        if fit.gpus == 1:
            return "" if fit.instance.accelerators == 1 else "one GPU is used"
        return f"{fit.gpus} GPUs share each layer (tensor parallel)"
    batch = f"micro batches of {fit.micro_batch_size}"
    if fit.gpus == 1:
        return batch
    return f"{fit.gpus} GPUs, {'the model split over them (FSDP)' if fit.sharded else 'a copy on each'}, {batch}"


def _speed(need: ServingNeed | TrainingNeed, fit: Fit) -> str:
    if isinstance(need, ServingNeed):
        what, speed = "answers", serving_tokens_per_second(need, fit)
    else:
        what, speed = "training", training_tokens_per_second(need, fit)
    if speed is None:
        return f"speed {UNKNOWN}"
    text = f"about {_span(speed)} tokens a second ({what})"
    if fit.price.usd is None:
        return text
    usd = usd_per_million_tokens(fit.price.usd, speed)
    return f"{text}, {usd.low:.2f} to {usd.high:.2f} USD a million while busy"


def _print_runners_up(out: Console, choice: Choice, runtime: Runtime) -> None:
    fits = choice.fits[1:]
    if not fits:
        return
    out.print("\n[bold]Runners-up[/]")
    shown = table(
        "  type", "GPUs", "GiB needed", "usable", "USD an hour", right=("GiB needed", "usable", "USD an hour")
    )
    for fit in fits[:_RUNNERS_UP]:
        gpus = f"{fit.gpus} of {fit.instance.accelerators}" if fit.gpus < fit.instance.accelerators else str(fit.gpus)
        shown.add_row(
            f"  {runtime.instance_name(fit.instance.name)}",
            f"{gpus} x {fit.instance.accelerator.removeprefix('NVIDIA ')}",
            f"{fit.memory.needed:.1f}",
            f"{fit.memory.available:.1f}",
            UNKNOWN if fit.price.usd is None else f"{fit.price.usd:,.3f}",
        )
    print_table(out, shown)
    if (perhaps := perhaps_cheaper(choice)) is not None:
        other, elsewhere = perhaps
        name = runtime.instance_name(other.instance.name)
        out.print(f"  {name} may be cheaper: its price here isn't known, {elsewhere:,.3f} on EC2 in us-east-1")
    if len(fits) > _RUNNERS_UP:
        out.print(f"  [dim]and {len(fits) - _RUNNERS_UP} more; --json lists all[/]")


def _print_rejected(out: Console, choice: Choice, runtime: Runtime) -> None:
    """One line for all types with as many of the same GPU: they lack the same. The largest first if nothing fits."""
    rejected = choice.rejected if choice.best else choice.nearest
    alike: dict[tuple[str, int], list[Rejection]] = {}
    for each in rejected:
        alike.setdefault((each.instance.accelerator, each.instance.accelerators), []).append(each)
    if not alike:
        return
    out.print("\n[bold]Rejected[/]")
    shown = table("  type", "GPUs", "why", wrap=("why",))
    for (accelerator, number), group in list(alike.items())[:_REJECTED]:
        others = f" +{len(group) - 1}" if len(group) > 1 else ""
        gpus = f"{number} x {accelerator.removeprefix('NVIDIA ')}"
        shown.add_row(f"  {runtime.instance_name(group[0].instance.name)}{others}", gpus, f"[dim]{group[0].reason}[/]")
    print_table(out, shown)
    out.print(
        f"  [dim]{count(len(rejected), 'type')} in all, +n are as many more with the same GPUs; --json lists all[/]"
    )


def _fit_document(fit: Fit, runtime: Runtime) -> dict[str, Any]:
    return {
        "instance": runtime.instance_name(fit.instance.name),
        "gpus": fit.gpus,
        "sharded": fit.sharded,
        "micro_batch_size": fit.micro_batch_size,
        "usd_per_hour": fit.price.usd,
        "price_source": fit.price.source,
        "gib_needed": round(fit.memory.needed, 2),
        "gib_available": round(fit.memory.available, 2),
        "parts": {name: round(gib, 2) for name, gib in fit.memory.parts},
    }


def _bar(gib: float, available: float, sign: str = "█") -> str:
    return sign * round(_BAR * max(gib, 0) / available)


def _span(speed: Range) -> str:
    low, high = (float(f"{value:.2g}") for value in (speed.low, speed.high))
    return f"{low:,.0f} to {high:,.0f}"
