"""TRL's own script with one callback more; the only module that runs in the trainer's Python, one process a GPU.

The callback writes how far it is, marks complete checkpoints, and turns SIGTERM into one last checkpoint. TRL reads its
configuration as `trl sft` does, but strictly: a name that it doesn't know is an error, not an argument of accelerate's.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, trainer

from .checkpoints import mark_complete


class Progress(TrainerCallback):  # type: ignore[misc]  # transformers isn't installed where this is checked
    """Events as JSON lines into `LLMSTRAT_EVENTS`, written by the first process."""

    def __init__(self) -> None:
        self._stopping = False
        self._events = Path(os.environ["LLMSTRAT_EVENTS"])
        self._launcher = int(os.environ["LLMSTRAT_LAUNCHER"])
        signal.signal(signal.SIGTERM, self._stop)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._write(state, "begin")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        self._write(state, "log", metrics={name: value for name, value in (logs or {}).items() if _is_number(value)})

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not _alive(self._launcher):
            os._exit(1)  # A trainer without a launcher would train on unseen, beside its successor.
        if _agreed(self._stopping):
            control.should_save = True
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        _wait_for_all()
        if state.is_world_process_zero:
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")
        self._write(state, "saved")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._write(state, "end")

    def _write(self, state: Any, kind: str, **more: Any) -> None:
        if state.is_world_process_zero:
            event = {"event": kind, "step": state.global_step, "total": state.max_steps, **more}
            with self._events.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")

    def _stop(self, _signal: int, _frame: object) -> None:
        self._stopping = True


def main() -> None:
    """`trl_job sft --config FILE …`, with every other argument of `trl sft`."""
    trainer.DEFAULT_CALLBACKS.append(Progress)
    command, *arguments = sys.argv[1:]
    script = import_module(f"trl.scripts.{command}")
    script.main(*script.make_parser().parse_args_and_config(arguments))


def _agreed(stopping: bool) -> bool:
    """Whether any process was told to stop: all must save at the same step."""
    from torch import distributed, tensor

    if not (distributed.is_available() and distributed.is_initialized()):
        return stopping
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    flag = tensor([int(stopping)], device=device)
    distributed.all_reduce(flag, distributed.ReduceOp.MAX)
    return bool(flag.item())


def _wait_for_all() -> None:
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


if __name__ == "__main__":
    main()
