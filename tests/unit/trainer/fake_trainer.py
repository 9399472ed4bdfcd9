"""Plays the interpreter that has torch and trl: leaves what `trl_job` leaves, without training anything.

It takes `--max_steps` and `--save_steps` from FAKE_STEPS and FAKE_SAVE, and ends as FAKE_END says: `done`, `crash`, or
`wait` (until SIGTERM, then one more checkpoint) or `late` (SIGTERM kills it while it saves the last result).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, os.getcwd())  # noqa: PTH109 - the job's code, as `python -m` has it

from trainer.checkpoints import mark_complete

STEPS = int(os.environ.get("FAKE_STEPS", "4"))
SAVE = int(os.environ.get("FAKE_SAVE", "2"))
END = os.environ.get("FAKE_END", "done")


def value(name: str) -> str | None:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def event(kind: str, step: int, **more: object) -> None:
    with Path(os.environ["LLMSTRAT_EVENTS"]).open("a") as file:
        file.write(json.dumps({"event": kind, "step": step, "total": STEPS, **more}) + "\n")


def save(output: Path, step: int) -> None:
    folder = output / f"checkpoint-{step}"
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(b"w" * step)
    mark_complete(folder)
    event("saved", step)


def train(output: Path) -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    first = int((value("--resume_from_checkpoint") or "checkpoint-0").rpartition("-")[2])
    event("begin", first)
    for step in range(first + 1, STEPS + 1):
        event("log", step, metrics={"loss": 1.0 / step, "num_tokens": 10 * step})
        if step % SAVE == 0:
            save(output, step)
        if END == "crash" and step == STEPS:
            sys.exit("ValueError: the loss is not a number")
        if END == "late" and step == STEPS:
            stopped.wait()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        if END == "wait" and step == SAVE + 1:
            stopped.wait()
            save(output, step)
            break
    (output / "adapter_model.safetensors").write_bytes(b"trained")
    (output / "adapter_config.json").write_text(json.dumps({"r": 8, "base_model_name_or_path": "/somewhere"}))


if __name__ == "__main__":
    if "pip" in sys.argv:
        sys.exit(int(os.environ.get("FAKE_PIP", "0")))
    print("arguments:", *sys.argv[1:], flush=True)  # noqa: T201
    print("token:", os.environ.get("HF_TOKEN"), flush=True)  # noqa: T201
    folder = value("--output_dir")
    assert folder is not None
    assert Path(value("--dataset_name") or "", "train.jsonl").read_text()
    train(Path(folder))
