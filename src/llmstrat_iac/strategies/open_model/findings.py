"""What speaks against training or serving an open model: it fits nowhere, or the engine or the trainer refuses it."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.instances import instances
from llmstrat_iac.catalog.open_models import find_model
from llmstrat_iac.catalog.sizing.contract import Choice
from llmstrat_iac.catalog.sizing.serving import parallel_sizes
from llmstrat_iac.catalog.sizing.weights import module_names
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.open_model.data import lacks_template
from llmstrat_iac.open_model.vllm import LORA_RANKS
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.strategies.open_model.remedies import serving_remedy, training_remedy

_SHOWN = 2


def check_serving(serving: ResolvedServing) -> Iterator[Finding]:
    """Yield what vLLM would refuse, before an instance is paid for that can't start."""
    yield from _context(serving)
    yield from _ranks(serving)
    unable = [*_tensor_parallel(serving), *_quantization(serving)]
    if not unable and serving.choice.best is None:
        yield _fits_nowhere(serving.choice, "serving", serving_remedy(serving))
    yield from unable
    if lacks_template(serving.model):
        yield Finding(
            rule="no-chat-template",
            severity=Severity.WARNING,
            path="model.id",
            message=f"`{serving.model.known.id}` ships no chat template: chat requests would be refused",
            reason="a base model completes text; `/v1/completions` works, `/v1/chat/completions` doesn't",
            remedy="serve the family's instruct or chat model",
        )
    yield from _availability(serving)


def check_training(training: ResolvedTraining) -> Iterator[Finding]:
    """Yield what the trainer would refuse, or would do in vain."""
    block, model = training.block, training.model
    limit, asked = model.known.architecture.max_context, block.hyperparameters.max_length
    if asked > limit:
        yield Finding(
            rule="length-beyond-model",
            severity=Severity.ERROR,
            path="training.hyperparameters.max_length",
            message=f"examples of {asked:,} tokens are longer than the model's {limit:,}",
            reason="positions that the model has never seen teach it nothing",
            remedy=f"set `max_length: {limit}` or less; longer examples are cut",
        )
    if lacks_template(model):
        yield Finding(
            rule="trained-on-plain-text",
            severity=Severity.WARNING,
            path="model.id",
            message=f"`{model.known.id}` ships no chat template: it is trained on plain text",
            reason="an example's question and answer are put together as they are, without turns or a system message",
            remedy="train the family's instruct or chat model, unless the data is plain prompts and completions",
        )
    if training.choice.best is None:
        yield _fits_nowhere(training.choice, "training", training_remedy(training))
    yield from _targets(training)
    yield from _lengths_and_checkpoints(training)


def _context(serving: ResolvedServing) -> Iterator[Finding]:
    limit, asked = serving.model.known.architecture.max_context, serving.block.max_context
    if asked > limit:
        yield Finding(
            rule="context-beyond-model",
            severity=Severity.ERROR,
            path="serving.max_context",
            message=f"a context of {asked:,} tokens is longer than the model's {limit:,}",
            reason="vLLM refuses to start: answers beyond the trained length are noise",
            remedy=f"set `max_context: {limit}` or less",
        )


def _tensor_parallel(serving: ResolvedServing) -> Iterator[Finding]:
    size, shape = serving.block.tensor_parallel, serving.model.known.architecture
    if size == "auto" or size in parallel_sizes(shape, shape.attention_heads):
        return
    allowed = parallel_sizes(shape, max(each.accelerators for each in instances()))
    keys = "" if shape.kv_heads == shape.attention_heads else f" and {shape.kv_heads} key-value heads"
    yield Finding(
        rule="tensor-parallel-heads",
        severity=Severity.ERROR,
        path="serving.tensor_parallel",
        message=f"{size} GPUs can't share {shape.attention_heads} attention heads{keys} evenly",
        reason="each GPU computes whole heads: their number divides the attention heads, and divides the key-value "
        "heads or is a multiple of them",
        remedy=f"set one of {', '.join(map(str, allowed))}, or `auto`",
    )


def _ranks(serving: ResolvedServing) -> Iterator[Finding]:
    ranks = {f"serving.adapters[{number}].rank": each.rank for number, each in enumerate(serving.block.adapters)}
    if serving.training is not None and serving.training.makes_adapter:
        ranks["training.hyperparameters.lora.rank"] = serving.training.block.hyperparameters.lora.rank
    for path, rank in ranks.items():
        if rank > LORA_RANKS[-1]:
            yield Finding(
                rule="lora-rank",
                severity=Severity.ERROR,
                path=path,
                message=f"vLLM loads no adapter of rank {rank}",
                reason=f"it makes room for ranks up to one of {', '.join(map(str, LORA_RANKS))}",
                remedy=f"use a rank of {LORA_RANKS[-1]} or less; 8 to 64 is customary",
            )


def _quantization(serving: ResolvedServing) -> Iterator[Finding]:
    method, identity = serving.block.quantization, serving.model.block.id
    if method in ("awq", "gptq") and find_model(identity) is not None:
        yield Finding(
            rule="quantization-not-possible",
            severity=Severity.ERROR,
            path="serving.quantization",
            message=f"the weights of `{identity}` aren't quantized by {method}",
            reason=f"vLLM loads {method} weights, it doesn't make them",
            remedy=f"name a repository with {method.upper()} weights as `model.id`, and `model.base: {identity}`; "
            "or set `fp8`, which is made on load",
        )
    elif method in ("awq", "gptq") and serving.training is not None:
        yield Finding(
            rule="quantization-not-possible",
            severity=Severity.ERROR,
            path="serving.quantization",
            message=f"`{identity}` is to be trained, and weights quantized by {method} can't be",
            reason="the trainer loads 16-bit weights, which `qlora` quantizes itself",
            remedy="name the 16-bit weights as `model.id`, and set `fp8` or `bitsandbytes`, which are made on load",
        )


def _availability(serving: ResolvedServing) -> Iterator[Finding]:
    block = serving.block
    if block.paused:
        yield Finding(
            rule="paused",
            severity=Severity.INFO,
            path="serving.paused",
            message="there will be no instances: calls fail, or fall back",
            reason="what isn't by the instance is billed on",
            remedy="`llmstrat resume` starts them again",
        )
    elif block.replicas.min == 0 and not serving.runtime.wakes:
        yield Finding(
            rule="never-wakes",
            severity=Severity.ERROR,
            path="serving.replicas.min",
            message=f"a fleet of no instances never starts one on {serving.runtime.title}",
            reason="what it scales on is measured by running instances",
            remedy="set `min: 1`, with `hours:` for times without instances; or `llmstrat pause` for now",
        )
    if block.hours is not None and not block.fallback:
        yield Finding(
            rule="no-answer-outside-hours",
            severity=Severity.INFO,
            path="serving.hours",
            message="outside of its hours the fleet answers nobody",
            reason="calls fail with 503 and `Retry-After` until it is up again",
            remedy="name a closed model under `serving.fallback`, if calls can come at any time",
        )


def _fits_nowhere(choice: Choice, part: str, remedy: str) -> Finding:
    nearest = choice.nearest
    by_reason: dict[str, list[str]] = {}
    for each in nearest[:_SHOWN]:
        by_reason.setdefault(each.reason, []).append(each.instance.name)
    reasons = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())
    what = f"`{nearest[0].instance.name}`" if len(nearest) == 1 else f"any of {len(nearest)} instance types"
    return Finding(
        rule="model-fits-nowhere",
        severity=Severity.ERROR,
        path=f"{part}.instance",
        message=f"{part} doesn't fit on {what}",
        reason=reasons,
        remedy=remedy,
    )


def _targets(training: ResolvedTraining) -> Iterator[Finding]:
    """Modules that the model may not have. What PEFT finds none of stops the job; what it doesn't find is left out."""
    named = training.block.hyperparameters.lora.target_modules
    if not training.makes_adapter or isinstance(named, str):
        return
    known = module_names(training.model.known.architecture)
    unknown = [name for name in named if name not in known]
    if unknown:
        yield Finding(
            rule="lora-targets",
            severity=Severity.ERROR if len(unknown) == len(named) else Severity.WARNING,
            path="training.hyperparameters.lora.target_modules",
            message=f"no module named {', '.join(f'`{name}`' for name in unknown)} is known in a layer of this model",
            reason="what the trainer doesn't find gets no adapter, without a word; if it finds none, the job fails",
            remedy=f"set `all-linear`, or take some of {', '.join(known)}",
        )


def _lengths_and_checkpoints(training: ResolvedTraining) -> Iterator[Finding]:
    """What the data shows: examples that are cut, and jobs that are over before they have saved anything."""
    report, block = training.report, training.block
    if report is None:
        return
    longest, limit = report.train.longest, block.hyperparameters.max_length
    if longest is not None and longest.tokens > limit:
        yield Finding(
            rule="examples-are-cut",
            severity=Severity.WARNING,
            path="training.hyperparameters.max_length",
            message=f"line {longest.line}, the longest, has about {longest.tokens:,} tokens; {limit:,} are kept",
            reason="the answer stands at the end, and it is the end that is cut",
            remedy="raise `max_length`, which needs more memory, or shorten such examples",
        )
    steps = optimizer_steps(training, report.train.examples)
    if block.capacity == "spot" and steps <= block.checkpoint_steps:
        yield Finding(
            rule="spot-without-checkpoint",
            severity=Severity.WARNING,
            path="training.checkpoint_steps",
            message=f"the job has {steps} steps, and would save its first checkpoint after {block.checkpoint_steps}",
            reason="a spot instance that is reclaimed before starts from nothing",
            remedy=f"set `checkpoint_steps: {max(1, steps // 5)}`, or `capacity: on-demand`",
        )


def optimizer_steps(training: ResolvedTraining, examples: int) -> int:
    """How many times the weights are updated."""
    asked = training.block.hyperparameters
    steps = max(1, round(examples * asked.epochs / asked.batch_size))
    return steps if asked.max_steps is None else min(steps, asked.max_steps)
