"""`llmstrat fit`: the instance on which a model can be served or trained, what its memory holds, and why not others."""

from __future__ import annotations

import click

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType, find_instance, instances
from llmstrat_iac.catalog.open_models import OpenModel, find_model, open_models
from llmstrat_iac.catalog.sizing.contract import Choice, ServingNeed, TrainingNeed
from llmstrat_iac.cli.gpus_command import check_region
from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.text import print_json
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.open_model import Runtime
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.spec.names import suggest

QUANTIZATIONS = ("none", "fp8", "awq", "gptq", "bitsandbytes")
METHODS = ("qlora", "lora", "full")
_CONTEXT = 8192


@click.command("fit")
@click.argument("model")
@click.option("--context", type=click.IntRange(16), help="Longest context served, in tokens.  [default: 8192]")
@click.option("--concurrency", type=click.IntRange(1, 1024), default=8, show_default=True, help="Contexts at once.")
@click.option("--quantization", type=click.Choice(QUANTIZATIONS), default="none", show_default=True, help="Of weights.")
@click.option("--method", type=click.Choice(METHODS), help="Train it this way, instead of serving it.")
@click.option("--max-length", type=click.IntRange(16), default=2048, show_default=True, help="Longest example trained.")
@click.option("--rank", type=click.IntRange(1, 1024), default=16, show_default=True, help="Of the adapter trained.")
@click.option("--runtime", "runtime_name", default="ec2", show_default=True, help="Its types and prices.")
@click.option("--region", default="us-east-1", show_default=True, help="Prices of this region.")
@click.option("--instance", "named", help="Look at this instance type only.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    context: int | None,
    concurrency: int,
    quantization: str,
    method: str | None,
    max_length: int,
    rank: int,
    runtime_name: str,
    region: str,
    named: str | None,
    as_json: bool,
) -> None:
    """Find the cheapest GPU instance for MODEL, a hub id, and show what its memory is needed for."""
    from llmstrat_iac.cli.render_fit import fit_document, print_fit

    check_region(region)
    known, use = _model(model), "serving" if method is None else "training"
    runtime = _runtime(runtime_name, use)
    candidates = _candidates(named, runtime, use)
    need: ServingNeed | TrainingNeed
    if method is None:
        need = ServingNeed(known.architecture, quantization, _context(known, context), concurrency)
    else:
        need = TrainingNeed(known.architecture, method, max_length, rank)
    choice = _choose(need, runtime, region, candidates)
    if as_json:
        print_json(fit_document(known, need, choice, runtime, region))
        ctx.exit(0 if choice.best else 1)
    print_fit(known, need, choice, runtime, region)
    if choice.best is None:
        raise LlmstratError(f"{known.id} fits on none of them", remedy=_remedy(need, choice))


def _runtime(name: str, use: str) -> Runtime:
    """The runtime, if it is one for `serving` or `training`."""
    registry = create_registry()
    runtime = registry.runtime(name)
    if _does(runtime, use):
        return runtime
    able = sorted(each.name for each in registry.runtimes.values() if _does(each, use))
    raise LlmstratError(f"--runtime: {runtime.title} isn't for {use} open models", remedy=suggest(name, able))


def _does(runtime: Runtime, use: str) -> bool:
    options = runtime.serving_options if use == "serving" else runtime.training_options
    return options is not None


def _choose(
    need: ServingNeed | TrainingNeed, runtime: Runtime, region: str, candidates: tuple[InstanceType, ...]
) -> Choice:
    from llmstrat_iac.catalog.sizing.serving import choose_serving
    from llmstrat_iac.catalog.sizing.training import choose_training

    use = "serving" if isinstance(need, ServingNeed) else "training"

    def price(instance: InstanceType) -> AwsPrice:
        return runtime.price(instance.name, region, use, "on-demand")

    if isinstance(need, ServingNeed):
        return choose_serving(need, price=price, candidates=candidates)
    return choose_training(need, price=price, candidates=candidates)


def _model(name: str) -> OpenModel:
    """By hub id, or by its part after the slash where that is clear."""
    known = find_model(name)
    if known is not None:
        return known
    same = [model for model in open_models() if model.id.lower().partition("/")[2] == name.lower()]
    if len(same) == 1:
        return same[0]
    meant = suggest(name, (each.id for each in open_models()))
    if not meant.startswith("did you mean"):
        meant = "`llmstrat models --open` lists those that are; `plan` takes any other by its `architecture:`"
    raise LlmstratError(f"the model `{name}` isn't known", remedy=meant)


def _candidates(name: str | None, runtime: Runtime, use: str) -> tuple[InstanceType, ...]:
    offered = tuple(each for each in instances() if runtime.offers(each.name, use))
    if name is None:
        return offered
    known = find_instance(name)
    if known is None:
        remedy = suggest(name, (each.name for each in instances()))
        raise LlmstratError(f"--instance: the GPU instance type `{name}` isn't known", remedy=remedy)
    if known not in offered:
        shown = runtime.instance_name(known.name)
        remedy = "leave `--instance` out for those that it has"
        raise LlmstratError(f"--instance: {runtime.title} has no `{shown}` for {use}", remedy=remedy)
    return (known,)


def _context(model: OpenModel, wanted: int | None) -> int:
    longest = model.architecture.max_context
    if wanted is not None and wanted > longest:
        raise LlmstratError(
            f"--context: {model.id} has a context of {longest:,} tokens", remedy=f"at most `--context {longest}`"
        )
    return wanted or min(_CONTEXT, longest)


def _remedy(need: ServingNeed | TrainingNeed, choice: Choice) -> str:
    lacks = choice.nearest[0].lacks
    if lacks == "format":
        return "leave --quantization out" if isinstance(need, ServingNeed) else "try --method lora"
    if lacks == "kind of GPU":
        return "leave --instance out, or name a newer type"
    if isinstance(need, ServingNeed):
        return "try a shorter --context, fewer at once (--concurrency), or --quantization fp8 or awq"
    cheaper = "" if need.method == "qlora" else "--method qlora, or "
    return f"try {cheaper}a shorter --max-length"
