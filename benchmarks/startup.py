"""`llmstrat --help`, `validate` and `plan` beside a bare `python -c pass`, as ratios in one run.

All take turns, and a figure is that of the fastest run, which was disturbed least; ratios are of CPU time, so that what
else the machine does cancels out. Byte code is compiled first, as every installer does.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "closed-api" / "one-provider.yaml"
RUN = "from llmstrat_iac.cli import main; raise SystemExit(main())"
CASES: dict[str, tuple[list[str], float | None]] = {
    # name: (arguments of python, the most that its ratio may be)
    "python -c pass": (["-c", "pass"], None),
    "llmstrat --help": (["-c", RUN, "--help"], 12),
    "llmstrat validate": (["-c", RUN, "validate", str(EXAMPLE)], 25),
    "llmstrat plan --json": (["-c", RUN, "plan", "--json", str(EXAMPLE)], None),
    "llmstrat plan": (["-c", RUN, "plan", str(EXAMPLE)], None),
}


def run(arguments: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """CPU seconds and wall seconds of one process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def measure(rounds: int) -> dict[str, tuple[float, float]]:
    """The least CPU and the least wall time of each case."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for arguments, _ in CASES.values():
            run(arguments, environment)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
        for _ in range(rounds):
            for name, (arguments, _) in CASES.items():
                times[name].append(run(arguments, environment))
    return {name: (min(cpu for cpu, _ in each), min(wall for _, wall in each)) for name, each in times.items()}


def main(rounds: int = 15) -> int:
    """Print the table; 1 if a ratio is above what is promised."""
    least = measure(rounds)
    bare, _ = least["python -c pass"]
    missed = False
    print(f"{'case':22}{'wall ms':>9}{'CPU ms':>9}{'ratio':>8}{'at most':>9}")
    for name, (_, most) in CASES.items():
        cpu, wall = least[name]
        missed = missed or (most is not None and cpu / bare > most)
        promised = f"{most:g}" if most else ""
        print(f"{name:22}{wall * 1000:9.1f}{cpu * 1000:9.1f}{cpu / bare:8.1f}{promised:>9}")
    return int(missed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    raise SystemExit(main(parser.parse_args().rounds))
