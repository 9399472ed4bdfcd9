"""Strategy D with 2 and with 2,000 nodes: what the plan takes, and what the program registers, on each runtime.

The program is run by the engine, in a sandbox, as a preview: two thousand nodes are one number in it. Each command is a
whole process and the sizes take turns; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

LLMSTRAT = Path(sys.executable).with_name("llmstrat")
RUNTIMES = ("sagemaker", "ec2", "hyperpod")
FEW, MANY = 2, 2000
MOST = 1.25
SPEC = """\
apiVersion: llmstrat/v1
name: nodes
strategy: from-scratch
owner: bench@example.com
region: us-east-1
data: {{classification: internal}}
limits: {{ttl: 30d}}
architecture: {{preset: llama-8b}}
tokenizer: {{source: "s3://example-corpus/tokenizer/"}}
corpus: {{source: "s3://example-corpus/text/", tokens: 20B}}
trainer: {{batch_sequences: 16000}}
cluster: {{runtime: {runtime}, instance: p5.48xlarge, nodes: {nodes}, node_usd: 60{options}}}
"""


def measure(environment: dict[str, str], *arguments: str) -> tuple[float, dict[str, Any]]:
    """Seconds and the document that it prints."""
    start = time.perf_counter()
    run = subprocess.run([LLMSTRAT, *arguments, "--json"], env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if run.returncode:
        raise SystemExit(f"{' '.join(arguments)}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    document: dict[str, Any] = json.loads(run.stdout)
    return seconds, document


def main(rounds: int = 3) -> int:
    """Print the table; 1 if something grows with the nodes."""
    grown = False
    print(f"{'runtime':11}{'command':11}{'resources, 2':>14}{'2,000':>8}{'seconds, 2':>12}{'2,000':>8}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environment = os.environ | {"LLMSTRAT_SANDBOX_HOME": str(home / "sandbox"), "PULUMI_HOME": str(home / "pulumi")}
        subprocess.run([LLMSTRAT, "sandbox", "start"], env=environment, check=True, capture_output=True)
        try:
            for runtime in RUNTIMES:
                grown = _compare(home, environment, runtime, rounds) or grown
        finally:
            subprocess.run([LLMSTRAT, "sandbox", "stop"], env=environment, check=False, capture_output=True)
    return int(grown)


def _compare(home: Path, environment: dict[str, str], runtime: str, rounds: int) -> bool:
    options = ", options: {max_runtime: 28d}" if runtime == "sagemaker" else ""
    specs = {}
    for nodes in (FEW, MANY):
        specs[nodes] = home / f"{runtime}-{nodes}.yaml"
        specs[nodes].write_text(SPEC.format(runtime=runtime, nodes=nodes, options=options), encoding="utf-8")
    grown = False
    for command, words in (("plan", ("plan",)), ("preview", ("up", "--sandbox", "--preview", "--skip-preflight"))):
        seconds: dict[int, list[float]] = {FEW: [], MANY: []}
        counts = dict.fromkeys(specs, 0)
        for _ in range(rounds):
            for nodes, spec in specs.items():
                took, document = measure(environment, *words, str(spec))
                seconds[nodes].append(took)
                counts[nodes] = _resources(document)
        ratio = median(many / few for few, many in zip(seconds[FEW], seconds[MANY], strict=True))
        print(
            f"{runtime:11}{command:11}{counts[FEW]:14}{counts[MANY]:8}"
            f"{min(seconds[FEW]):12.2f}{min(seconds[MANY]):8.2f}{ratio:8.2f}"
        )
        grown = grown or counts[FEW] != counts[MANY] or ratio > MOST
    return grown


def _resources(document: dict[str, Any]) -> int:
    """What a plan lists, or a preview would create."""
    if "changes" in document:
        return int(document["changes"]["create"])
    return sum(each["count"] for each in document["resources"] if each["type"].startswith("aws:"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    raise SystemExit(main(parser.parse_args().rounds))
