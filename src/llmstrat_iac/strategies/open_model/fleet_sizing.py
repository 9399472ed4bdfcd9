"""The fleet in the plan, in words: where it runs and why, what an idle day and a million tokens cost."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.sizing.contract import Choice, Fit
from llmstrat_iac.catalog.sizing.ranking import perhaps_cheaper
from llmstrat_iac.catalog.sizing.speed import Range
from llmstrat_iac.open_model import Runtime
from llmstrat_iac.plan import SizingLine
from llmstrat_iac.strategies.open_model.fleet import Fleet

_RUNNERS_UP = 2


def fleet_lines(fleet: Fleet, hour: float | None, month: float | None) -> Iterator[SizingLine]:
    """`hour` and `month` are US dollars of the fleet with all that it needs; None if some price isn't known."""
    serving, block = fleet.serving, fleet.serving.block
    yield from placed("serving", fleet.fit, serving.choice, serving.runtime, asked=block.instance)
    what = f"room for {block.concurrency} sequences of {block.max_context:,} tokens"
    yield memory("serving", fleet.fit, what)
    yield from runners_up("serving", serving.choice, serving.runtime)
    if block.hours is not None:
        when = f"from `{block.hours.start}` to `{block.hours.stop}`, {block.hours.timezone}"
        yield SizingLine("serving: hours", f"{block.hours.hours_per_week:g} a week", when)
    yield from _speed(fleet)
    yield from _load(fleet)
    yield from _money(fleet, hour, month)


def placed(part: str, fit: Fit, choice: Choice, runtime: Runtime, *, asked: str) -> Iterator[SizingLine]:
    """The chosen instance type, why this one, and how its GPUs share the work."""
    instance = fit.instance
    known = "" if fit.price.usd is not None else ", where prices are known,"
    why = f"the cheapest{known} of {len(choice.fits)} that fit" if asked == "auto" else "as the spec says"
    gpus = f"{instance.accelerators} x {instance.accelerator}, {hourly(fit.price.usd)}: {why}"
    yield SizingLine(f"{part}: instance", runtime.instance_name(instance.name), gpus)
    if fit.gpus > 1:
        how = "each layer is split over them (tensor parallel)" if part == "serving" else _shares(fit)
        yield SizingLine(f"{part}: GPUs", f"{fit.gpus} together", how)


def memory(part: str, fit: Fit, load: str) -> SizingLine:
    """What a GPU holds, part by part."""
    parts = ", ".join(f"{name} {gib:.1f}" for name, gib in fit.memory.parts if gib >= 0.05)
    value = f"{fit.memory.needed:.1f} of {fit.memory.available:.1f} GiB"
    return SizingLine(f"{part}: GPU memory", value, f"{parts}; {load}")


def runners_up(part: str, choice: Choice, runtime: Runtime) -> Iterator[SizingLine]:
    """The next ones that fit, and the most capable of those that are cheaper and don't."""
    following = choice.fits[1 : 1 + _RUNNERS_UP]
    if following:
        names = ", ".join(runtime.instance_name(each.instance.name) for each in following)
        prices = ", ".join(hourly(each.price.usd) for each in following)
        yield SizingLine(f"{part}: runners-up", names, prices)
    if (perhaps := perhaps_cheaper(choice)) is not None:
        fit, elsewhere = perhaps
        why = f"it fits, too; its price here isn't known, {hourly(elsewhere)} on EC2 in us-east-1: look it up"
        yield SizingLine(f"{part}: perhaps cheaper", runtime.instance_name(fit.instance.name), why)
    best = choice.best.price.usd if choice.best else None
    cheaper = [each for each in choice.rejected if best and each.price.usd is not None and each.price.usd < best]
    if cheaper:
        nearest = max(cheaper, key=lambda each: each.instance.accelerators * each.instance.accelerator_gib)
        name = runtime.instance_name(nearest.instance.name)
        yield SizingLine(f"{part}: rejected", f"{len(cheaper)} cheaper ones", f"the largest, {name}: {nearest.reason}")


def span(amount: Range) -> str:
    """`700 to 1,200`, in two digits of meaning."""
    low, high = _round(amount.low), _round(amount.high)
    return low if low == high else f"{low} to {high}"


def hourly(usd: float | None) -> str:
    """`1.861 USD an hour`."""
    return "price unknown" if usd is None else f"{usd:,.3f} USD an hour"


def _shares(fit: Fit) -> str:
    return (
        "weights are split over them (FSDP)" if fit.sharded else "each has a copy of the weights and its own examples"
    )


def _round(amount: float) -> str:
    digits = float(f"{amount:.2g}")
    return f"{digits:,.0f}" if digits >= 10 else f"{digits:g}"


def _speed(fleet: Fleet) -> Iterator[SizingLine]:
    if fleet.speed is None:
        return
    mix, block = fleet.mix, fleet.serving.block
    answers = Range(fleet.speed.low * mix.output_tokens, fleet.speed.high * mix.output_tokens)
    note = (
        f"answers of a replica, {block.concurrency} at once, {mix.input_tokens:,} tokens in, {mix.output_tokens:,} out"
    )
    yield SizingLine("serving: speed", f"{span(answers)} tokens a second", f"{note}; estimate")


def _load(fleet: Fleet) -> Iterator[SizingLine]:
    needed, most = fleet.needed, fleet.serving.block.replicas.max
    if needed is None:
        return
    if needed.high < 1:
        value = f"{span(Range(needed.low * 100, needed.high * 100))}% of a replica"
    else:
        value = f"{span(needed)} replicas"
    yield SizingLine("serving: load", value, f"of at most {most}, on average; peaks are higher; estimate")


def _money(fleet: Fleet, hour: float | None, month: float | None) -> Iterator[SizingLine]:
    idle = "unknown" if hour is None else f"{hour * 24:,.2f} USD"
    yield SizingLine("serving: an idle day", idle, "of the fleet and what it needs, nobody calling")
    usd, mix = fleet.fit.price.usd, fleet.mix
    if usd is not None and fleet.speed is not None:
        busy = Range(*(usd / 3600 / (rate * mix.tokens) * 1e6 for rate in (fleet.speed.high, fleet.speed.low)))
        yield SizingLine("a million tokens, full", f"{span(busy)} USD", "in and out, of a replica that is never idle")
    if mix.requests:
        tokens = mix.requests * mix.tokens / 1e6
        value = "unknown" if month is None else f"{month / tokens:,.2f} USD"
        yield SizingLine("a million tokens, now", value, f"at the stated load of {tokens:,.0f} million tokens a month")
