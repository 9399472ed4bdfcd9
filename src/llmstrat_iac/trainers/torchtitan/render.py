"""The run in torchtitan's words, for the pinned version: a configuration module and the command line.

torchtitan 0.3.0 is configured by a Python function (`--module`, `--config`) whose values the command line overrides.
The shape, which has no arguments, is in the module; everything else is an argument, and `make test-cluster` feeds both
to torchtitan's own parser. Folders aren't here: the launcher knows them.
"""

from __future__ import annotations

from importlib.resources import files
from pprint import pformat
from typing import Any

from llmstrat_iac.catalog.pretraining.contract import ClusterPlan
from llmstrat_iac.catalog.pretraining.layouts import layers_per_stage
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.pretraining import Entry, ResolvedPretraining, TrainerRun, llama_config, package_files
from llmstrat_iac.pretraining.hub_config import ROPE_THETA, longest_sequence
from llmstrat_iac.pretraining.planning import run_of
from llmstrat_iac.spec.pretraining import TrainerBlock
from llmstrat_iac.trainers.torchtitan import TITAN_VERSION
from llmstrat_iac.trainers.torchtitan.options import TitanOptions
from llmstrat_iac.trainers.torchtitan.shapes import unsupported

MODULE, FUNCTION = "titan_config", "pretrain"

_PACKAGE = "llmstrat_titan"
"""Name of `node/` on the nodes."""
_LOG_STEPS = 10
_FEWEST_KEPT = 2
"""torchtitan refuses to keep one checkpoint only: the last may be half written."""

_MODULE_TEXT = '''"""This run's configuration of torchtitan {version}, made by llmstrat."""

from llmstrat_titan.model import trainer_config

SHAPE = {shape}


def {function}():
    return trainer_config(SHAPE, precision={precision!r}, activations={activations!r}, learning_rate={peak!r})
'''


def render_titan(pretraining: ResolvedPretraining) -> TrainerRun:
    """The run for the planned cluster. LlmstratError for a shape that torchtitan isn't started with here."""
    found = unsupported(pretraining.architecture)
    if found:
        raise LlmstratError(
            f"architecture: torchtitan is rendered for dense Llama shapes, and this one has {' and '.join(found)}",
            remedy="choose a dense shape, or a plugin's `trainer.framework` that has it",
        )
    return TrainerRun(
        files={**package_files(f"{__package__}.node", _PACKAGE), f"{MODULE}.py": _module(pretraining)},
        requirements=files(str(__package__)).joinpath("requirements.txt").read_text(encoding="utf-8"),
        train=Entry(module=f"{_PACKAGE}.job", arguments=titan_arguments(pretraining)),
        export=Entry(module=f"{_PACKAGE}.hub_export", arguments=("--module", MODULE)),
        config=llama_config(pretraining),
    )


def titan_arguments(pretraining: ResolvedPretraining) -> tuple[str, ...]:
    """torchtitan's command line, but for what only a node knows."""
    trainer, plan = pretraining.trainer, pretraining.plan
    own: TitanOptions = pretraining.framework_options
    options = {
        **_training(trainer, plan, pretraining.steps),
        **_parallelism(pretraining),
        **_learning_rate(trainer, pretraining.steps),
        **_checkpoints(trainer, plan),
        **own.arguments,
    }
    return ("--module", MODULE, "--config", FUNCTION, *_arguments(options))


def _module(pretraining: ResolvedPretraining) -> str:
    return _MODULE_TEXT.format(
        version=TITAN_VERSION,
        shape=pformat(_shape(pretraining), sort_dicts=False),
        function=FUNCTION,
        precision=pretraining.trainer.precision,
        activations=pretraining.plan.degrees.activations,
        peak=pretraining.trainer.learning_rate.peak,
    )


def _shape(pretraining: ResolvedPretraining) -> dict[str, Any]:
    architecture = pretraining.architecture
    return {
        "layers": architecture.layers,
        "hidden_size": architecture.hidden_size,
        "attention_heads": architecture.attention_heads,
        "kv_heads": architecture.kv_heads,
        "head_dim": architecture.head_dim,
        "intermediate_size": architecture.intermediate_size,
        "vocab_size": architecture.vocab_size,
        "context": longest_sequence(pretraining),
        "tied_embeddings": architecture.tied_embeddings,
        "rope_theta": ROPE_THETA,
    }


def _training(trainer: TrainerBlock, plan: ClusterPlan, steps: int) -> dict[str, Any]:
    degrees = plan.degrees
    # A pipeline is filled by micro batches of one local batch; without one, they are accumulated.
    local = trainer.batch_sequences // degrees.data if degrees.pipeline > 1 else plan.micro_batch
    return {
        "training.local_batch_size": local,
        "training.global_batch_size": trainer.batch_sequences,
        "training.seq_len": trainer.sequence_length,
        "training.steps": steps,
        # CUDA graphs and pipelines exclude each other (torchtitan, `Trainer.Config`).
        "training.disable_cuda_graphs": degrees.pipeline > 1,
        "compile.enable": trainer.compile,
        "debug.seed": trainer.seed,
        "metrics.log_freq": _LOG_STEPS,
        "metrics.disable_color_printing": True,
    }


def _parallelism(pretraining: ResolvedPretraining) -> dict[str, Any]:
    plan, degrees = pretraining.plan, pretraining.plan.degrees
    layers = layers_per_stage(run_of(pretraining), degrees)
    return {
        "parallelism.data_parallel_replicate_degree": degrees.data_replicate,
        # The rest, so that a cluster that has lost a node goes on with what is left.
        "parallelism.data_parallel_shard_degree": -1,
        "parallelism.tensor_parallel_degree": degrees.tensor,
        "parallelism.pipeline_parallel_degree": degrees.pipeline,
        "parallelism.pipeline_parallel_schedule": degrees.schedule,
        **({} if layers is None else {"parallelism.pipeline_parallel_layers_per_stage": layers}),
        "parallelism.pipeline_parallel_microbatch_size": plan.micro_batch if degrees.pipeline > 1 else 1,
        "parallelism.context_parallel_degree": degrees.context,
    }


def _learning_rate(trainer: TrainerBlock, steps: int) -> dict[str, Any]:
    rate = trainer.learning_rate
    return {
        "lr_scheduler.warmup_steps": min(rate.warmup_steps, steps),
        "lr_scheduler.decay_type": rate.schedule,
        "lr_scheduler.min_lr_factor": rate.minimum_ratio,
    }


def _checkpoints(trainer: TrainerBlock, plan: ClusterPlan) -> dict[str, Any]:
    return {
        # Off by default in torchtitan. Even without `checkpoints.enabled` the last one is the model.
        "checkpoint.enable": True,
        "checkpoint.interval": plan.checkpoint_steps if trainer.checkpoints.enabled else 10**9,
        "checkpoint.keep_latest_k": max(trainer.checkpoints.keep, _FEWEST_KEPT),
        "checkpoint.async_mode": "async",
        # Whole, so that it can be trained on; the launcher converts it, layer by layer (`node.hub_export`).
        "checkpoint.last_save_model_only": False,
    }


def _arguments(options: dict[str, Any]) -> list[str]:
    arguments: list[str] = []
    for name, value in options.items():
        section, _, option = name.rpartition(".")
        if isinstance(value, bool):
            prefix = f"{section}." if section else ""
            arguments.append(f"--{prefix}{option}" if value else f"--{prefix}no-{option}")
        else:
            arguments += [f"--{name}", *([str(each) for each in value] if isinstance(value, list) else [str(value)])]
    return arguments
