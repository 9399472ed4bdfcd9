"""`llmstrat --help`, `validate` and `plan` beside a bare `python -c pass`, as ratios in one run.

All take turns, so that the machine's own speed and what else it does cancel out; a ratio is that of the fastest runs,
which are the ones that were disturbed least. Byte code is compiled first, as every installer does.
"""

from __future__ import annotations

import argparse
import os
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


def seconds(arguments: list[str], environment: dict[str, str]) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, float]:
    """The fastest run of each case."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for arguments, _ in CASES.values():
            seconds(arguments, environment)
        fastest = dict.fromkeys(CASES, float("inf"))
        for _ in range(rounds):
            for name, (arguments, _) in CASES.items():
                fastest[name] = min(fastest[name], seconds(arguments, environment))
    return fastest


def main(rounds: int = 15) -> int:
    """Print the table; 1 if a ratio is above what is promised."""
    fastest = measure(rounds)
    bare = fastest["python -c pass"]
    missed = False
    print(f"{'case':24}{'ms':>8}{'ratio':>8}{'at most':>9}")
    for name, (_, most) in CASES.items():
        ratio = fastest[name] / bare
        missed = missed or (most is not None and ratio > most)
        print(f"{name:24}{fastest[name] * 1000:8.1f}{ratio:8.1f}{f'{most:g}' if most else '':>9}")
    return int(missed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    raise SystemExit(main(parser.parse_args().rounds))
