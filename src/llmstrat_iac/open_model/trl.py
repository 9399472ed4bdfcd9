"""The `training:` block in TRL's words: the YAML that `trl sft` or `trl dpo` of the pinned version reads.

Only names that the pinned versions know (trl 1.16.0, transformers 5.23.0): an unknown one stops the job at its start,
and `make test-trainer` feeds every rendered file to TRL's own parser. Paths aren't here: the launcher knows them.
"""

from __future__ import annotations

from typing import Any

from llmstrat_iac.open_model.contract import ResolvedTraining

ADAPTER_LEARNING_RATE = 2e-4
FULL_LEARNING_RATE = 2e-5

_LOG_STEPS = 10


def trl_command(training: ResolvedTraining) -> str:
    """`sft` or `dpo`."""
    return "sft" if training.block.objective == "supervised" else "dpo"


def render_trl(training: ResolvedTraining, *, sharded: bool) -> dict[str, Any]:
    """The arguments by name; LlmstratError if the model fits nowhere."""
    return {
        **_model(training),
        **(_adapter(training, sharded=sharded) if training.makes_adapter else {}),
        **_steps(training),
        **_objective(training),
        **_numbers(training),
    }


def has_bfloat16(training: ResolvedTraining) -> bool:
    """Whether the instance's GPUs calculate in bfloat16; V100 and T4 don't."""
    return training.placement.instance.sixteen_bit == "bfloat16"


def _model(training: ResolvedTraining) -> dict[str, Any]:
    block = training.model.block
    return {
        # Weights in S3 are downloaded by the launcher, which then gives their folder instead.
        **({} if block.in_s3 else {"model_name_or_path": block.id, "model_revision": block.revision}),
        "dtype": _dtype(training),
        "bf16": has_bfloat16(training),
        "fp16": not has_bfloat16(training),
        "gradient_checkpointing": True,
    }


def _dtype(training: ResolvedTraining) -> str:
    if not training.makes_adapter:
        # Small updates vanish in sixteen bits: the weights that are trained are kept in 32, and only calculated with
        # in 16. (accelerate does the same to sharded weights, whatever their type: utils/fsdp_utils.py.)
        return "float32"
    return "bfloat16" if has_bfloat16(training) else "float16"


def _adapter(training: ResolvedTraining, *, sharded: bool) -> dict[str, Any]:
    lora = training.block.hyperparameters.lora
    targets = [lora.target_modules] if isinstance(lora.target_modules, str) else lora.target_modules
    rendered: dict[str, Any] = {
        "use_peft": True,
        "lora_task_type": "CAUSAL_LM",
        "lora_r": lora.rank,
        "lora_alpha": int(lora.alpha) if float(lora.alpha).is_integer() else lora.alpha,
        "lora_dropout": lora.dropout,
        "lora_target_modules": targets,
        "use_rslora": lora.rslora,
    }
    if training.block.method == "qlora":
        rendered |= {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "use_bnb_nested_quant": True}
        if sharded:
            # Only tensors of a floating type are sharded (accelerate, utils/fsdp_utils.py, `fsdp2_prepare_model`).
            rendered["bnb_4bit_quant_storage"] = _dtype(training)
    return rendered


def _steps(training: ResolvedTraining) -> dict[str, Any]:
    block, hyperparameters = training.block, training.block.hyperparameters
    micro = training.placement.micro_batch_size
    passes, rest = divmod(hyperparameters.batch_size, micro * training.placement.gpus)
    assert rest == 0, "sizing takes no instance among whose GPUs the batch can't be divided"
    rendered: dict[str, Any] = {
        "num_train_epochs": hyperparameters.epochs,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": passes,
        "save_strategy": "steps",
        "save_steps": block.checkpoint_steps,
        "save_total_limit": 2,
        "logging_strategy": "steps",
        "logging_steps": min(_LOG_STEPS, block.checkpoint_steps),
        "logging_first_step": True,
        "disable_tqdm": True,
        "report_to": "none",
    }
    if hyperparameters.max_steps is not None:
        rendered["max_steps"] = hyperparameters.max_steps
    if training.validation is not None:
        rendered |= {
            "dataset_test_split": "validation",
            "eval_strategy": "steps",
            "eval_steps": block.checkpoint_steps,
            "per_device_eval_batch_size": micro,
        }
    return rendered


def _objective(training: ResolvedTraining) -> dict[str, Any]:
    hyperparameters = training.block.hyperparameters
    if trl_command(training) == "dpo":
        return {"max_length": hyperparameters.max_length, "beta": hyperparameters.beta}
    return {
        "max_length": hyperparameters.max_length,
        "packing": hyperparameters.packing,
        "completion_only_loss": hyperparameters.completion_only,
    }


def _numbers(training: ResolvedTraining) -> dict[str, Any]:
    hyperparameters = training.block.hyperparameters
    default = ADAPTER_LEARNING_RATE if training.makes_adapter else FULL_LEARNING_RATE
    return {
        "learning_rate": default if hyperparameters.learning_rate is None else hyperparameters.learning_rate,
        "lr_scheduler_type": hyperparameters.scheduler,
        # transformers 5 has no `warmup_ratio`: below 1 this is a share of the steps (training_args.py).
        "warmup_steps": hyperparameters.warmup_ratio,
        "weight_decay": hyperparameters.weight_decay,
        "seed": hyperparameters.seed,
    }
