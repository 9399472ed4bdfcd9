"""`llmstrat up` and `up --preview` beside plain `pulumi up` and `preview` of an equal program written by hand.

Both are of examples/demo/gateway.yaml, in the same sandbox, on a stack that has been made but holds nothing, and take
turns: a ratio is the median of the rounds' ratios, so that the machine's own speed cancels out. Wall time decides; CPU
time is of the whole process tree. What each has made is compared by resource types, so that equal stays equal.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from llmstrat_iac.components.function_code import authorizer_archive, relay_archive
from llmstrat_iac.engine.locate import find_cli
from llmstrat_iac.sandbox.session import Sandbox

SPEC = Path(__file__).parents[1] / "examples" / "demo" / "gateway.yaml"
PROGRAM = Path(__file__).with_name("handwritten")
LLMSTRAT = Path(sys.executable).with_name("llmstrat")
OURS, PLAIN = "llmstrat", "plain pulumi"
STACKS = {OURS: "organization/llmstrat/demo-gateway-dev", PLAIN: "organization/handwritten/handwritten-dev"}
MOST = 1.15
OPERATIONS = ("preview", "up")


@dataclass(frozen=True)
class Cost:
    """Seconds of one process with all that it started."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Bench:
    """The sandbox's environment and where plain Pulumi works."""

    environment: Mapping[str, str]
    pulumi: Path
    folder: Path

    def run(self, *command: str | Path) -> str:
        """Run a command to its end; it must succeed."""
        run = subprocess.run(
            list(map(str, command)),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise SystemExit(f"{command}: exit code {run.returncode}\n{run.stdout}\n{run.stderr}")
        return run.stdout

    def plain(self, *arguments: str) -> str:
        """Run `pulumi` in the folder of the program that is written by hand."""
        return self.run(self.pulumi, *arguments, "--non-interactive")

    def types(self, door: str) -> Counter[str]:
        """How many resources of each type exist, less the stack and our own grouping, which a flat program has not."""
        exported = json.loads(self.plain("stack", "export", "--stack", STACKS[door]))
        types = (one["type"] for one in exported["deployment"]["resources"] if one.get("custom"))
        return Counter("dynamic" if one.startswith("pulumi-python:dynamic") else one for one in types)

    def round_of(self, door: str) -> tuple[dict[str, Cost], Counter[str]]:
        """Preview, up and destroy from nothing: what the first two cost and what they made."""
        if door == OURS:
            # Makes the stack's record, which `down` removes; `pulumi stack init` isn't timed either.
            self.run(LLMSTRAT, "up", SPEC, "--preview", "--skip-preflight")
            preview = timed(lambda: self.run(LLMSTRAT, "up", SPEC, "--preview", "--skip-preflight"))
            up = timed(lambda: self.run(LLMSTRAT, "up", SPEC, "--yes", "--skip-smoke-test", "--skip-preflight"))
            types = self.types(door)
            self.run(LLMSTRAT, "down", SPEC, "--yes")
        else:
            preview = timed(lambda: self.plain("preview"))
            up = timed(lambda: self.plain("up", "--yes"))
            types = self.types(door)
            self.plain("destroy", "--yes", "--skip-preview")
        return {"preview": preview, "up": up}, types


def timed(command: Callable[[], object]) -> Cost:
    """What a command costs."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command()
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@contextmanager
def open_bench() -> Iterator[Bench]:
    """A sandbox, and beside it a folder with the program and its configured stack."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        cli = find_cli(os.environ)
        sandbox = Sandbox.start(home / "sandbox")
        try:
            path = os.pathsep.join([str(cli.bin_dir), str(LLMSTRAT.parent), os.environ.get("PATH", os.defpath)])
            own = {
                "PATH": path,
                "OPENAI_API_KEY": "sk-benchmark",
                "PULUMI_HOME": str(home / "pulumi"),
                "XDG_DATA_HOME": str(home / "data"),
                "XDG_STATE_HOME": str(home / "state"),
                # `llmstrat` sets it in a sandbox. Plain Pulumi would try for seconds to download the provider that is
                # attached already, which says nothing about AWS.
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            }
            environment = sandbox.isolated(os.environ) | own
            folder = home / "handwritten"
            shutil.copytree(PROGRAM, folder)
            bench = Bench(environment, cli.path, folder)
            prepare_plain(bench, home)
            yield bench
        finally:
            sandbox.stop()


def prepare_plain(bench: Bench, home: Path) -> None:
    """Make the stack of the program that is written by hand, and the Lambda packages that it is given."""
    packages = {
        "relayZip": relay_archive('{"note": "as long as a small configuration"}\n'),
        "authorizerZip": authorizer_archive('{"version": 1, "keys": {}}\n'),
    }
    settings = {"expires": (datetime.now(UTC) + timedelta(hours=8)).isoformat(timespec="seconds")}
    for name, archive in packages.items():
        settings[name] = shutil.copyfile(archive.path, home / f"{name}.zip").as_posix()
    bench.plain("stack", "init", STACKS[PLAIN])
    for name, value in settings.items():
        bench.plain("config", "set", name, value)


def measure(rounds: int) -> tuple[dict[str, dict[str, list[Cost]]], Counter[str]]:
    """Operation to door to the cost of each round, and what was made."""
    costs: dict[str, dict[str, list[Cost]]] = {name: {OURS: [], PLAIN: []} for name in OPERATIONS}
    made: dict[str, Counter[str]] = {}
    with open_bench() as bench:
        for number in range(rounds):
            for door in (OURS, PLAIN) if number % 2 else (PLAIN, OURS):
                each, made[door] = bench.round_of(door)
                for name in OPERATIONS:
                    costs[name][door].append(each[name])
            if made[OURS] != made[PLAIN]:
                raise SystemExit(
                    f"not equal: only ours {made[OURS] - made[PLAIN]}, only plain {made[PLAIN] - made[OURS]}"
                )
    return costs, made[OURS]


def ratio(doors: Mapping[str, Sequence[Cost]], of: Callable[[Cost], float]) -> float:
    """The median of the rounds' ratios."""
    return median(of(ours) / of(plain) for ours, plain in zip(doors[OURS], doors[PLAIN], strict=True))


def report(rounds: int) -> dict[str, Any]:
    """All figures."""
    costs, made = measure(rounds)
    figures = {
        name: {
            "seconds": {door: round(median(one.wall for one in each), 2) for door, each in doors.items()},
            "cpu_seconds": {door: round(median(one.cpu for one in each), 2) for door, each in doors.items()},
            "ratio": round(ratio(doors, lambda cost: cost.wall), 3),
            "cpu_ratio": round(ratio(doors, lambda cost: cost.cpu), 3),
            "each_round": {door: [round(one.wall, 2) for one in each] for door, each in doors.items()},
            "at_most": MOST,
        }
        for name, doors in costs.items()
    }
    load = round(os.getloadavg()[0], 1)
    return {"rounds": rounds, "load": load, "resources": made.total(), "types": dict(sorted(made.items())), **figures}


def print_table(result: Mapping[str, Any]) -> None:
    print(f"{result['resources']} resources of {len(result['types'])} types, {result['rounds']} rounds, ", end="")
    print(f"load {result['load']}")
    print(f"{'':10}{OURS:>10}{PLAIN:>14}{'ratio':>8}{'at most':>9}{'CPU s':>8}{'CPU plain':>11}{'ratio':>8}")
    for name in OPERATIONS:
        one = result[name]
        wall, cpu = one["seconds"], one["cpu_seconds"]
        print(f"{name:10}{wall[OURS]:8.2f} s{wall[PLAIN]:12.2f} s{one['ratio']:8.2f}{one['at_most']:9}", end="")
        print(f"{cpu[OURS]:8.2f}{cpu[PLAIN]:11.2f}{one['cpu_ratio']:8.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = report(options.rounds)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_table(result)
    return int(any(result[name]["ratio"] > MOST for name in OPERATIONS))


if __name__ == "__main__":
    raise SystemExit(main())
