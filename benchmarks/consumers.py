"""A gateway with 10, 100 and 1,000 consumers in the sandbox: time, processor time and memory of preview, up and down.

Each size starts from nothing. What is checked is growth: ten times the consumers may cost at most ten times as much, in
time and in memory, which a state that Pulumi writes after every step would soon exceed if each consumer had resources
of its own. On a busy machine the processor time is the steadier figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from llmstrat_iac.sandbox.session import Sandbox

LLMSTRAT = Path(sys.executable).with_name("llmstrat")
SIZES = (10, 100, 1000)
COMMANDS = {
    "preview": ("up", "--preview", "--skip-preflight"),
    "up": ("up", "--yes", "--skip-smoke-test", "--skip-preflight"),
    "up again": ("up", "--yes", "--skip-smoke-test", "--skip-preflight"),
    "down": ("down", "--yes"),
}
SPEC = """\
apiVersion: llmstrat/v1
name: crowd-{count}
strategy: closed-api
owner: ml-platform@example.com
region: us-east-1
data: {{classification: internal}}
limits: {{ttl: 8h}}
providers:
  - name: openai
    credentials: {{secret: "env:OPENAI_API_KEY"}}
    models: [{{alias: chat, id: gpt-5.2}}]
endpoint:
  consumers:
{consumers}
"""


@dataclass(frozen=True)
class Cost:
    """What one command cost with all the processes that it started; memory is the largest process's."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def write_spec(folder: Path, count: int) -> Path:
    """A spec with so many consumers, of five tiers."""
    lines = [f"    - {{name: c{each}, models: [chat], requests_per_second: {10 + each % 5}}}" for each in range(count)]
    path = folder / f"crowd-{count}.yaml"
    path.write_text(SPEC.format(count=count, consumers="\n".join(lines)), encoding="utf-8")
    return path


def run(command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> Cost:
    """Run a command to its end; it must succeed."""
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise SystemExit(f"{command}: exit code {process.returncode}\n{log.read_text(errors='replace')}")
    kilobytes = used.ru_maxrss / 1024 if sys.platform == "darwin" else used.ru_maxrss
    return Cost(seconds, used.ru_utime + used.ru_stime, kilobytes / 1024)


@contextmanager
def open_sandbox(home: Path) -> Iterator[dict[str, str]]:
    """A sandbox for all sizes, and the whole environment of what runs against it."""
    sandbox = Sandbox.start(home / "sandbox")
    try:
        own = {
            "OPENAI_API_KEY": "sk-benchmark",
            "PULUMI_HOME": str(home / "pulumi"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
        }
        yield sandbox.isolated(os.environ) | own
    finally:
        sandbox.stop()


def measure(sizes: Sequence[int]) -> dict[int, dict[str, Cost]]:
    """Size to command to its cost."""
    costs: dict[int, dict[str, Cost]] = {}
    with tempfile.TemporaryDirectory() as name, open_sandbox(Path(name)) as environment:
        for size in sizes:
            spec = write_spec(Path(name), size)
            costs[size] = {
                step: run([LLMSTRAT, command, spec, *options], environment, Path(name) / "log")
                for step, (command, *options) in COMMANDS.items()
            }
    return costs


def growth(costs: Mapping[int, Mapping[str, Cost]]) -> dict[str, float]:
    """How much more the largest step in size costs, as a multiple of how many more consumers there are; at most 1."""
    worst: dict[str, float] = {}
    for small, large in pairwise(sorted(costs)):
        for step in COMMANDS:
            before, after = asdict(costs[small][step]), asdict(costs[large][step])
            for figure, value in after.items():
                ratio = value / before[figure] / (large / small)
                worst[f"{step} {figure}"] = round(max(ratio, worst.get(f"{step} {figure}", 0.0)), 2)
    return worst


def print_table(costs: Mapping[int, Mapping[str, Cost]], worst: Mapping[str, float]) -> None:
    print(f"{'consumers':>9}  {'step':9}{'seconds':>9}{'CPU s':>8}{'MB':>6}")
    for size, steps in costs.items():
        for step, cost in steps.items():
            print(f"{size:9,}  {step:9}{cost.seconds:9.1f}{cost.cpu_seconds:8.1f}{cost.megabytes:6.0f}")
    print(f"growth beside that of the consumers (1 is linear, the most that is allowed): {max(worst.values()):.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    costs = measure(sorted(options.sizes))
    worst = growth(costs)
    if options.json:
        figures: dict[str, Any] = {
            str(size): {step: asdict(cost) for step, cost in steps.items()} for size, steps in costs.items()
        }
        print(json.dumps({"load": round(os.getloadavg()[0], 1), "costs": figures, "growth": worst}, indent=2))
    else:
        print_table(costs, worst)
    return int(any(ratio > 1 for ratio in worst.values()))


if __name__ == "__main__":
    raise SystemExit(main())
