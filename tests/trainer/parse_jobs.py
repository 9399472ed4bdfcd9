"""Feeds rendered files to TRL's and accelerate's own parsers. Runs in the trainer's environment.

Usage: parse_jobs.py FOLDER…, each with job.json, train.yaml and accelerate.yaml. Prints what the parsers made of each.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from accelerate.commands.config.config_args import load_config_from_file


def parse(folder: Path) -> dict[str, Any]:
    """The values that matter, as TRL has understood them."""
    command = json.loads((folder / "job.json").read_text())["command"]
    parser = import_module(f"trl.scripts.{command}").make_parser()
    arguments = ["--config", str(folder / "train.yaml"), "--output_dir", str(folder / "out"), "--dataset_name", "data"]
    # The only thing that the parser asks of the machine is whether it can do bfloat16.
    script, training, model, _ = parser.parse_args_and_config([*arguments, "--use_cpu", "true"])
    accelerate = load_config_from_file(str(folder / "accelerate.yaml")).to_dict()
    return {
        "model": model.model_name_or_path,
        "revision": model.model_revision,
        "dtype": model.dtype,
        "use_peft": model.use_peft,
        "targets": model.lora_target_modules,
        "load_in_4bit": model.load_in_4bit,
        "storage": model.bnb_4bit_quant_storage,
        "batch": training.per_device_train_batch_size,
        "accumulation": training.gradient_accumulation_steps,
        "learning_rate": training.learning_rate,
        "warmup": training.get_warmup_steps(100),
        "bf16": training.bf16,
        "save_steps": training.save_steps,
        "evaluates": str(training.eval_strategy.value),
        "test_split": script.dataset_test_split,
        "beta": getattr(training, "beta", None),
        "processes": accelerate["num_processes"],
        "distributed": str(accelerate["distributed_type"]),
        "fsdp": accelerate.get("fsdp_config"),
    }


def main() -> None:
    """Parse all; a folder whose files aren't taken is reported by its error."""
    parsed: dict[str, Any] = {}
    for name in sys.argv[1:]:
        try:
            parsed[name] = parse(Path(name))
        except (Exception, SystemExit) as error:
            parsed[name] = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write("\n" + json.dumps(parsed))


if __name__ == "__main__":
    os.environ["ACCELERATE_USE_CPU"] = "true"
    main()
