"""The run in the plan, in words: the work, the cluster that does it and how, how long it takes, what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Span
from llmstrat_iac.catalog.pretraining.workload import model_flops_per_token
from llmstrat_iac.plan import SizingLine
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.gate_job import GATE_HOURS
from llmstrat_iac.strategies.from_scratch.run_plan import RunPlan

_ALTERNATIVES = 3
_WORDS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def run_lines(run: RunPlan) -> Iterator[SizingLine]:
    """What `train-plan` shows of the chosen cluster, each line with what it rests on."""
    yield from _work(run.pretraining)
    yield from _cluster(run)
    if run.pretraining.gate_only:
        yield from _gate(run)
        return
    yield from _time(run)
    yield _money("run: cost", run, run.usd)
    yield from _alternatives(run)
    # The price's own source stands among the plan's sources.
    for assumption in run.plan.assumptions:
        if not run.price.source or run.price.source not in assumption:
            yield SizingLine("assumed", "", assumption)


def in_words(amount: float) -> str:
    """`50.6 billion`, `7.1 million`, `42,000`."""
    for size, word in _WORDS:
        if amount >= size:
            return f"{amount / size:,.3g} {word}"
    return f"{amount:,.0f}"


def spread(amount: Span, digits: int = 2) -> str:
    """`48 to 61`, to so many digits."""
    low, high = _rounded(amount.low, digits), _rounded(amount.high, digits)
    return low if low == high else f"{low} to {high}"


def duration(days: Span) -> str:
    """`48 to 61 days`, or hours or minutes where it is short."""
    for factor, unit in ((1, "days"), (24, "hours")):
        if days.high * factor >= 2:
            return f"{spread(Span(days.low * factor, days.likely * factor, days.high * factor))} {unit}"
    minutes = Span(*(max(1.0, each * 1440) for each in (days.low, days.likely, days.high)))
    return "a minute" if minutes.high == 1 else f"{spread(minutes)} minutes"


def one_duration(days: float) -> str:
    """`53 days`, `7.5 hours`."""
    return duration(Span(days, days, days))


def dollars(amount: Span) -> str:
    """`0.8 to 1.2 million USD`, `340 to 460 USD`."""
    if amount.high >= 1e6:
        return f"{spread(Span(amount.low / 1e6, amount.likely / 1e6, amount.high / 1e6))} million USD"
    return f"{spread(amount)} USD"


def one_sum(usd: float) -> str:
    """`1.2 million USD`, `460 USD`."""
    return dollars(Span(usd, usd, usd))


def divided(plan: ClusterPlan) -> str:
    """The degrees that aren't 1."""
    degrees = plan.degrees
    named = {
        "replicas": degrees.data_replicate,
        "sharded over": degrees.data_shard,
        "tensor": degrees.tensor,
        "pipeline": degrees.pipeline,
        "context": degrees.context,
        "experts": degrees.expert,
    }
    return ", ".join(f"{name} {size:,}" for name, size in named.items() if size > 1) or "one GPU"


def _work(pretraining: ResolvedPretraining) -> Iterator[SizingLine]:
    shape, trainer = pretraining.architecture, pretraining.trainer
    kv = "" if shape.kv_heads == shape.attention_heads else f", {shape.kv_heads} of keys and values"
    yield SizingLine(
        "model",
        f"{in_words(shape.parameters)} parameters",
        f"{shape.layers} layers of {shape.hidden_size:,}, {shape.attention_heads} heads{kv}, "
        f"vocabulary of {shape.vocab_size:,}",
    )
    flops = model_flops_per_token(shape, trainer.sequence_length) * pretraining.tokens
    batch = trainer.batch_sequences * trainer.sequence_length
    yield SizingLine(
        "work",
        f"{flops:.2e} FLOPs".replace("e+", "e"),
        f"{in_words(pretraining.tokens)} tokens in {pretraining.steps:,} steps of {in_words(batch)}, at "
        f"6 N a token and attention",
    )


def _cluster(run: RunPlan) -> Iterator[SizingLine]:
    plan, block = run.plan, run.pretraining.cluster
    gpus = plan.nodes * plan.instance.accelerators
    price = "price unknown" if plan.usd_per_hour is None else f"{plan.usd_per_hour:,.2f} USD an hour"
    spare = f", and {block.spare_nodes} spare" if block.spare_nodes else ""
    auto = [name for name, value in (("instance", block.instance), ("nodes", block.nodes)) if value == "auto"]
    why = f"; {' and '.join(auto)} chosen" if auto else ""
    yield SizingLine(
        "cluster", f"{plan.nodes:,} x {run.name}{spare}", f"{gpus:,} x {plan.instance.accelerator}, {price}{why}"
    )
    kept = {"keep": "all activations kept", "selective": "some activations computed again"}
    activations = kept.get(plan.degrees.activations, "all activations computed again")
    data = run.pretraining.trainer.batch_sequences // max(1, plan.degrees.data * plan.micro_batch)
    times = "once" if data == 1 else f"{data:,} times"
    micro = f"{plan.micro_batch} sequence{'s' if plan.micro_batch > 1 else ''} a GPU at once, {times} a step"
    yield SizingLine("cluster: division", divided(plan), f"{micro}; {activations}")
    parts = ", ".join(f"{name} {gib:.1f}" for name, gib in plan.memory.parts if gib >= 0.05)
    value = f"{plan.memory.needed:.1f} of {plan.memory.available:.1f} GiB"
    yield SizingLine("cluster: GPU memory", value, f"{parts}; of the fullest GPU")


def _time(run: RunPlan) -> Iterator[SizingLine]:
    plan = run.plan
    mfu = Span(plan.mfu.low * 100, plan.mfu.likely * 100, plan.mfu.high * 100)
    yield SizingLine(
        "run: speed",
        f"{spread(plan.tokens_per_second)} tokens a second",
        f"{spread(plan.tflops_per_gpu)} TFLOP/s a GPU, {spread(mfu)}% of what it can do",
    )
    yield SizingLine(
        "run: time", duration(plan.days), f"likely {one_duration(plan.days.likely)}, with checkpoints and failures"
    )
    yield _checkpoints(run)
    likely = plan.failures.likely >= 0.5
    yield SizingLine(
        "run: failures",
        f"{spread(plan.failures)} expected" if likely else f"about {plan.failures.likely:.1%} likely",
        f"{duration(plan.lost_days)} of work done twice, and of restarts{'' if likely else ', on average'}",
    )
    yield _energy(plan)


def _energy(plan: ClusterPlan) -> SizingLine:
    if plan.energy is None:
        why = f"how much power {plan.instance.accelerator} takes while it trains isn't known"
        return SizingLine("run: energy", "unknown", why)
    used, co2 = plan.energy.kilowatt_hours, plan.energy.co2_tonnes
    grid = "CO2 unknown" if co2 is None else f"{spread(co2)} t of CO2 by the region's grid"
    pue = plan.energy.pue.likely
    return SizingLine("run: energy", f"{spread(used)} kWh", f"nodes and data centre (PUE {pue:.2f}); {grid}")


def _checkpoints(run: RunPlan) -> SizingLine:
    plan, block = run.plan, run.pretraining.trainer.checkpoints
    if not block.enabled:
        return SizingLine("run: checkpoints", "none", "a failed node costs all that was done")
    when = f"every {plan.checkpoint_steps:,} steps"
    if plan.checkpoint_steps >= run.pretraining.steps:
        when = "one, at the end"
    cost = f"{plan.checkpoint_gib:,.0f} GiB, training stands still for {plan.checkpoint_seconds:,.0f} s"
    return SizingLine("run: checkpoints", when, f"{cost}; the newest {block.keep} kept")


def _gate(run: RunPlan) -> Iterator[SizingLine]:
    measuring = f"{GATE_HOURS.likely * 60:.0f} minutes"
    yield SizingLine(
        "gate: time",
        duration(run.days),
        f"likely {one_duration(run.days.likely)}, of which it measures for {measuring} at most; nodes bill from their "
        "start, for image, packages and what the runtime tests itself, and those that come first while the others come",
    )
    yield _money("gate: cost", run, run.usd_of(run.days))
    cost = "" if run.usd is None else f", {dollars(run.usd)}"
    yield SizingLine(
        "training, not now", f"{duration(run.plan.days)}{cost}", "`acceptance: before-training`, after its own gate"
    )


def _money(what: str, run: RunPlan, usd: Span | None) -> SizingLine:
    if usd is None:
        return _bounded(what, run)
    hour = run.hour
    missing = f"; not counted: {', '.join(hour.unknown)}" if hour.unknown else ""
    return SizingLine(what, dollars(usd), f"{hour.usd:,.2f} USD an hour, with network and storage{missing}")


def _bounded(what: str, run: RunPlan) -> SizingLine:
    unknown = f"the price of {run.name} isn't known in {run.pretraining.region}"
    usd = run.bound_of(run.days)
    if usd is None:
        return SizingLine(what, "unknown", unknown)
    if run.spot:
        return SizingLine(
            what, f"at most {one_sum(usd.high)}", f"{unknown}; {run.bound_usd:,.2f} USD an hour on demand"
        )
    return SizingLine(what, f"at least {one_sum(usd.low)}", f"{unknown}; at EC2's {run.bound_usd:,.2f} USD an hour")


def _alternatives(run: RunPlan) -> Iterator[SizingLine]:
    name, chosen = run.pretraining.runtime.instance_name, (run.plan.instance, run.plan.nodes)
    others = [each for each in run.pretraining.search.alternatives if (each.instance, each.nodes) != chosen]
    for other in others[:_ALTERNATIVES]:
        usd = "price unknown" if other.usd is None else dollars(other.usd)
        yield SizingLine(
            "alternative", f"{other.nodes:,} x {name(other.instance.name)}", f"{duration(other.days)}, {usd}"
        )


def _rounded(amount: float, digits: int) -> str:
    figure = float(f"{amount:.{digits}g}")
    return f"{figure:,.0f}" if figure >= 10 or figure == round(figure) else f"{figure:g}"
