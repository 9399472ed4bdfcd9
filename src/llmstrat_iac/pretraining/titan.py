"""The run in torchtitan's words, for the pinned version: a configuration module and the command line.

torchtitan 0.3.0 is configured by a Python function (`--module`, `--config`) whose values the command line overrides.
The shape, which has no arguments, is in the module; everything else is an argument, and `make test-cluster` feeds both
to torchtitan's own parser. Folders aren't here: the launcher knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pprint import pformat
from typing import Any

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan
from llmstrat_iac.catalog.pretraining.layouts import layers_per_stage
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.pretraining.planning import run_of
from llmstrat_iac.spec.pretraining import TrainerBlock

TITAN_VERSION = "0.3.0"
MODULE, FUNCTION = "titan_config", "pretrain"

_LOG_STEPS = 10
_ROPE_THETA = 500_000.0
"""As Llama 3 has it."""
_FEWEST_KEPT = 2
"""torchtitan refuses to keep one checkpoint only: the last may be half written."""

_MODULE_TEXT = '''"""This run's configuration of torchtitan {version}, made by llmstrat."""

from llmstrat_job.cluster.titan_model import trainer_config

SHAPE = {shape}


def {function}():
    return trainer_config(SHAPE, precision={precision!r}, activations={activations!r}, learning_rate={peak!r})
'''


@dataclass(frozen=True)
class TitanRun:
    """What torchtitan is started with."""

    module: str
    """Text of `titan_config.py`."""
    arguments: tuple[str, ...]
    """After `-m llmstrat_job.cluster.titan_job`."""
    config: dict[str, Any]
    """`config.json` of the finished model, in Hugging Face's words."""


def render_titan(pretraining: ResolvedPretraining) -> TitanRun:
    """The run for the planned cluster. LlmstratError for a shape that the built-in trainer doesn't have."""
    _refuse_unknown(pretraining.architecture)
    trainer, plan = pretraining.trainer, pretraining.plan
    module = _MODULE_TEXT.format(
        version=TITAN_VERSION,
        shape=pformat(_shape(pretraining), sort_dicts=False),
        function=FUNCTION,
        precision=trainer.precision,
        activations=plan.degrees.activations,
        peak=trainer.learning_rate.peak,
    )
    options = {
        **_training(trainer, plan, pretraining.steps),
        **_parallelism(pretraining),
        **_learning_rate(trainer, pretraining.steps),
        **_checkpoints(trainer, plan),
        **_own(trainer.options),
    }
    start = ["--module", MODULE, "--config", FUNCTION]
    return TitanRun(module, (*start, *_arguments(options)), _hub_config(pretraining))


def unsupported(architecture: Architecture) -> tuple[str, ...]:
    """What a shape has that isn't in the models that torchtitan is started with; empty for a dense Llama."""
    unknown = {
        "experts": architecture.experts is not None,
        "a sliding window": architecture.sliding_window is not None,
        "biases of queries, keys and values": architecture.query_key_value_bias,
        "a feed-forward network of two matrices": not architecture.gated_mlp,
    }
    return tuple(name for name, there in unknown.items() if there)


def _refuse_unknown(architecture: Architecture) -> None:
    found = unsupported(architecture)
    if found:
        raise LlmstratError(
            f"architecture: `torchtitan` is rendered for dense Llama shapes, and this one has {' and '.join(found)}",
            remedy="choose a dense shape, or a plugin's `trainer.framework` that has it",
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
        "context": max(architecture.max_context, pretraining.trainer.sequence_length),
        "tied_embeddings": architecture.tied_embeddings,
        "rope_theta": _ROPE_THETA,
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
        # Whole, so that it can be trained on; the launcher converts it, layer by layer (`cluster.hub_export`).
        "checkpoint.last_save_model_only": False,
    }


def _own(options: dict[str, Any]) -> dict[str, Any]:
    """`trainer.options` as arguments: `{"comm.train_timeout_seconds": 600}`, or nested."""
    flat: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in _own(value).items()}
        else:
            flat[name] = value
    return flat


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


def _hub_config(pretraining: ResolvedPretraining) -> dict[str, Any]:
    shape = _shape(pretraining)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": shape["hidden_size"],
        "intermediate_size": shape["intermediate_size"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["attention_heads"],
        "num_key_value_heads": shape["kv_heads"],
        "head_dim": shape["head_dim"],
        "vocab_size": shape["vocab_size"],
        "max_position_embeddings": shape["context"],
        "rope_theta": shape["rope_theta"],
        "rms_norm_eps": 1e-5,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": shape["tied_embeddings"],
        "torch_dtype": "bfloat16",
    }
