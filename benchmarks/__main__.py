"""All benchmarks in turn, each in a process of its own: `python -m benchmarks`. Ends with 1 if any missed its limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = ("startup", "train_plan", "up", "nodes", "consumers", "relay", "datasets")


def main() -> int:
    missed = []
    for name in NAMES:
        print(f"== {name}", flush=True)
        run = subprocess.run([sys.executable, Path(__file__).with_name(f"{name}.py")], check=False)
        if run.returncode != 0:
            missed.append(name)
    if missed:
        print(f"over the limit or failed: {', '.join(missed)}")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
