"""The blocks of strategy D that `llmstrat init` writes, and the questions behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from llmstrat_iac.catalog.instances import find_instance, instances
from llmstrat_iac.catalog.pretraining.presets import Preset, find_preset, presets
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import Runtime
from llmstrat_iac.plugins import Registry
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.units import parse_tokens

DEFAULT_PRESET = "llama-1b"
DEFAULT_RUNTIME = "sagemaker"
DEFAULT_INSTANCE = "p4d.24xlarge"
_CORPUS = "s3://my-bucket/text/"
_TOKENIZER = "s3://my-bucket/tokenizer/"
_LONGEST = 4096
_BATCH = 512


@dataclass(frozen=True)
class FromScratchAnswers:
    """What goes into the blocks."""

    preset: Preset
    corpus: str
    tokens: str
    runtime: Runtime
    instance: str
    nodes: int


def choose_from_scratch(
    registry: Registry,
    *,
    preset: str | None,
    corpus: str | None,
    tokens: str | None,
    runtime: str | None,
    instance: str | None,
    nodes: int | None,
    ask: bool,
) -> FromScratchAnswers:
    """Ask for what isn't given; LlmstratError for a preset, runtime or instance type that isn't known."""
    clusters = {name: each for name, each in registry.runtimes.items() if each.cluster_options is not None}
    if ask:
        names = ", ".join(each.name for each in presets())
        preset = preset or click.prompt(f"Architecture ({names})", default=DEFAULT_PRESET)
        corpus = corpus or click.prompt("Corpus in S3", default=_CORPUS)
        tokens = tokens or click.prompt("Tokens that it has, such as 20B", type=str)
        runtime = runtime or click.prompt(f"Runtime ({', '.join(clusters)})", default=DEFAULT_RUNTIME)
        instance = instance or click.prompt("Instance type (`llmstrat gpus`)", default=DEFAULT_INSTANCE)
        nodes = nodes or click.prompt("Nodes (`llmstrat train-plan` shows days against cost)", type=int, default=2)
    if tokens is None:
        raise click.UsageError("--tokens must be given: how many tokens the corpus has, such as 20B")
    name = runtime or DEFAULT_RUNTIME
    if name not in clusters:
        raise LlmstratError(f"`{name}` is no runtime that runs clusters", remedy=suggest(name, clusters))
    return FromScratchAnswers(
        preset=_preset(preset or DEFAULT_PRESET),
        corpus=corpus or _CORPUS,
        tokens=_tokens(tokens),
        runtime=clusters[name],
        instance=_instance(instance or DEFAULT_INSTANCE),
        nodes=nodes or 2,
    )


def from_scratch_lines(answers: FromScratchAnswers) -> Iterator[str]:
    """The blocks as text, with comments."""
    shape = answers.preset.architecture
    yield "architecture:"
    yield _line(f"  preset: {answers.preset.name}", "or `shape:` with layers, hidden_size, attention_heads, …")
    yield "tokenizer:"
    yield _line(f"  source: {_TOKENIZER}", f"made before; at most {shape.vocab_size:,} tokens")
    yield "corpus:"
    yield _line(f"  source: {answers.corpus}", "each document has `text`")
    yield f"  tokens: {answers.tokens}"
    yield _line("  format: jsonl", "or parquet")
    yield "trainer:"
    yield _line(f"  sequence_length: {min(_LONGEST, shape.max_context)}", "tokens")
    yield _line(f"  batch_sequences: {_batch(answers)}", "a step, over all GPUs, which it must divide over")
    yield _line("  parallelism: auto", "`plan` shows what that comes to")
    yield _line("  checkpoints: {every_steps: auto, keep: 3}", "in S3; what a failed node costs depends on them")
    yield "cluster:"
    yield f"  runtime: {answers.runtime.name}"
    yield _line(f"  instance: {answers.instance}", "several nodes need EFA")
    yield _line(f"  nodes: {answers.nodes}", "or `auto`, with `deadline:` or `budget_usd:`")
    yield _line("  storage: {kind: fsx}", "a file system linked to S3; `s3` does for two nodes")
    yield ""


def _batch(answers: FromScratchAnswers) -> int:
    """About 512 sequences, as many on each GPU."""
    instance = find_instance(answers.instance)
    assert instance is not None, "checked when it was chosen"
    gpus = answers.nodes * instance.accelerators
    return max(1, round(_BATCH / gpus)) * gpus


def _preset(name: str) -> Preset:
    found = find_preset(name)
    if found is None:
        raise LlmstratError(f"there is no preset `{name}`", remedy=suggest(name, (each.name for each in presets())))
    return found


def _tokens(written: str) -> str:
    try:
        parse_tokens(int(written) if written.isdecimal() else written)
    except ValueError as error:
        raise LlmstratError(f"--tokens: {error}", remedy="such as 20B") from error
    return written


def _instance(name: str) -> str:
    if find_instance(name) is None:
        near = suggest(name, (each.name for each in instances()))
        remedy = near if near.startswith("did you mean") else "`llmstrat gpus` lists them"
        raise LlmstratError(f"there is no instance type `{name}` among those with GPUs", remedy=remedy)
    return name


def _line(text: str, comment: str) -> str:
    return f"{text:<36} # {comment}"
