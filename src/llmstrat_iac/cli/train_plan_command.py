"""`llmstrat train-plan`: the clusters that can train a model from scratch, with days, cost, memory and a plot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.gpu_prices import ec2_price
from llmstrat_iac.catalog.instances import InstanceType, find_instance, instances
from llmstrat_iac.catalog.pretraining.contract import Price, Run, Search, Wish
from llmstrat_iac.catalog.pretraining.presets import find_preset, presets
from llmstrat_iac.catalog.pretraining.search import aimed, search
from llmstrat_iac.cli.gpus_command import check_region
from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.text import print_json
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.units import parse_duration, parse_tokens

_DAY = timedelta(days=1)
_LONGEST_DEFAULT = 8192
_REMEDY = "a later --deadline, a larger --budget, or a larger --batch, which more GPUs can share"


def _tokens(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else parse_tokens(int(value) if value.isdigit() else value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _days(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_duration(value) / _DAY
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("train-plan")
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@click.option("--preset", help="Without SPEC: a known shape such as `llama-8b`, or a known model's hub id.")
@click.option("--tokens", callback=_tokens, help="Token budget, such as `569B`; SPEC's if unset.")
@click.option("--sequence-length", type=click.IntRange(128), help="Tokens a sequence.  [default: up to 8192]")
@click.option("--batch", type=click.IntRange(1), help="Sequences an optimizer step.  [default: about 4M tokens]")
@click.option("--precision", type=click.Choice(("bf16", "fp8")), help="Of the matrix products.  [default: bf16]")
@click.option("--instance", "named", help="Look at this instance type only.")
@click.option("--nodes", type=click.IntRange(1), help="Look at this number of instances only.")
@click.option("--deadline", callback=_days, help="Find the cheapest that ends within this, such as `30d`.")
@click.option(
    "--budget", type=click.FloatRange(0, min_open=True), help="Find the fastest that costs at most this, USD."
)
@click.option("--region", help="Prices of this region.  [default: SPEC's, or us-east-1]")
@click.option("--energy", is_flag=True, help="Show the energy of the best cluster and of each alternative.")
@click.option("--plot", "plot", help="Draw days against cost: `FILE.svg`, or `-` for the terminal.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, spec: Path | None, as_json: bool, plot: str | None, energy: bool, **asked: Any
) -> None:
    """Compare the clusters that can train SPEC's model, or a --preset on --tokens, from scratch.

    Nothing is asked of AWS. Without --nodes, --deadline or --budget the cheapest cluster that takes at most 30 days is
    looked for.
    """
    from llmstrat_iac.cli.render_train_plan import print_train_plan, train_plan_document

    if plot not in (None, "-") and not str(plot).endswith(".svg"):
        raise LlmstratError(f"--plot: `{plot}` is no SVG file", remedy="write `--plot FILE.svg`, or `--plot -`")
    title, run, wish, found = _found(spec, asked)
    if plot not in (None, "-"):
        _draw(Path(str(plot)), title, found, aimed(wish))
    if as_json:
        print_json(train_plan_document(title, run, found))
    else:
        plotted = plot == "-" or (plot is None and _on_a_terminal())
        print_train_plan(title, run, wish, found, plot=plotted, energy=energy)
    if found.best is None:
        if as_json:
            ctx.exit(1)
        raise LlmstratError(f"no cluster does this: {_nearest(found)}", remedy=_REMEDY)


def _found(spec: Path | None, asked: dict[str, Any]) -> tuple[str, Run, Wish, Search]:
    if (spec is None) == (asked["preset"] is None):
        raise LlmstratError(
            "give either SPEC or --preset", remedy="`llmstrat train-plan --preset llama-8b --tokens 1T`"
        )
    if spec is not None:
        return _of_spec(spec, asked)
    if asked["tokens"] is None:
        raise LlmstratError("--tokens: is missing", remedy="how many tokens the run sees, such as `--tokens 1T`")
    region = asked["region"] or "us-east-1"
    check_region(region)
    run, wish = _run(asked), _wish(asked, Wish(None, None, region=region))

    def price(instance: InstanceType) -> AwsPrice:
        return ec2_price(instance.name, region)

    return asked["preset"], run, wish, search(run, wish, price=price)


def _of_spec(spec: Path, asked: dict[str, Any]) -> tuple[str, Run, Wish, Search]:
    """SPEC's run and cluster, but for what the options say."""
    from llmstrat_iac.planner.load import load_spec
    from llmstrat_iac.pretraining.planning import price_of, run_of, wish_of

    pretraining = load_spec(spec).pretraining
    if pretraining is None:
        raise LlmstratError(
            f"{spec}: trains no model from scratch", remedy="`strategy: from-scratch`, or `llmstrat fit`"
        )
    changes = {
        "tokens": asked["tokens"],
        "sequence_length": asked["sequence_length"],
        "batch_sequences": asked["batch"],
        "precision": asked["precision"],
    }
    run = replace(run_of(pretraining), **{name: value for name, value in changes.items() if value is not None})
    wish = _wish(asked, wish_of(pretraining, asked["region"]))
    price = price_of(pretraining, asked["region"])
    found = search(run, wish, price=price)
    if found.best is not None and not any(asked[name] for name in ("named", "nodes", "deadline", "budget")):
        found = _with_others(found, run, wish, price)
    return pretraining.alias, run, wish, found


def _with_others(found: Search, run: Run, wish: Wish, price: Price) -> Search:
    """SPEC's own cluster among others, divided as suits them: alone it says nothing of days against cost."""
    free = replace(wish, instance=None, nodes=None, deadline_days=None, budget_usd=None)
    others = search(replace(run, degrees=None, micro_batch=None), free, price=price)
    known = {(each.instance.name, each.nodes) for each in found.alternatives}
    more = [each for each in others.alternatives if (each.instance.name, each.nodes) not in known]
    dearest = float("inf")
    together = sorted((*found.alternatives, *more), key=lambda each: each.usd.likely if each.usd else dearest)
    return Search(found.best, tuple(together), (*found.refused, *others.refused))


def _run(asked: dict[str, Any]) -> Run:
    preset = find_preset(asked["preset"])
    if preset is None:
        remedy = suggest(asked["preset"], (each.name for each in presets()))
        raise LlmstratError(f"--preset: `{asked['preset']}` isn't known", remedy=remedy)
    sequence = asked["sequence_length"] or min(_LONGEST_DEFAULT, preset.architecture.max_context)
    if sequence > preset.architecture.max_context:
        most = preset.architecture.max_context
        raise LlmstratError(f"--sequence-length: {preset.name} has {most:,} tokens", remedy=f"at most {most}")
    return Run(
        architecture=preset.architecture,
        tokens=asked["tokens"],
        sequence_length=sequence,
        batch_sequences=asked["batch"] or max(1, 2**22 // sequence),
        precision=asked["precision"] or "bf16",
        compile=True,
        checkpoints=True,
        checkpoint_steps=None,
    )


def _wish(asked: dict[str, Any], of_spec: Wish) -> Wish:
    instance, nodes = _instance(asked["named"]) or of_spec.instance, asked["nodes"] or of_spec.nodes
    if asked["deadline"] is None and asked["budget"] is None:
        return replace(of_spec, instance=instance, nodes=nodes)
    aim = {"deadline_days": asked["deadline"], "budget_usd": asked["budget"]}
    return replace(of_spec, instance=instance, nodes=asked["nodes"], **aim)


def _instance(name: str | None) -> InstanceType | None:
    if name is None:
        return None
    known = find_instance(name)
    if known is None:
        remedy = suggest(name, (each.name for each in instances()))
        raise LlmstratError(f"--instance: the GPU instance type `{name}` isn't known", remedy=remedy)
    return known


def _nearest(found: Search) -> str:
    """Of those that fit but miss the wish, the one that comes nearest; else the first reason."""
    missed = [each for each in found.refused if each.nodes is not None and " days" in each.reason]
    named = (missed or list(found.refused))[:1]
    return "; ".join(f"{each.instance.name}: {each.reason}" for each in named) or "nothing was looked at"


def _draw(file: Path, title: str, found: Search, wish: Wish) -> None:
    from llmstrat_iac.cli.train_plan_svg import render_svg

    try:
        file.write_text(render_svg(title, found, wish), encoding="utf-8")
    except OSError as error:
        raise LlmstratError(f"--plot: can't write `{file}`: {error.strerror}", remedy="another path") from error


def _on_a_terminal() -> bool:
    import sys

    return sys.stdout.isatty()
