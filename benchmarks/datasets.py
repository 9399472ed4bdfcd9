"""`llmstrat data check` beside a plain `json.loads` loop over the same generated file: MB/s, their ratio, peak memory.

The loop does nothing but parse; the check validates shape, roles, texts, reserved words, duplicates, and counts tokens.
Both run in processes of their own and take turns in one run; a ratio is the median of the rounds' ratios, so that the
machine's own speed cancels out. On a busy machine the figures per CPU second are the steady ones.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

CASES = {
    # name: (rules, words in a question, words in an answer, non-ASCII text)
    "chat, Nova": ("bedrock/amazon.nova-lite-v1:0:300k", 40, 120, False),
    "chat, OpenAI, exact tokens": ("openai", 40, 120, False),
    "short chats, Nova": ("bedrock/amazon.nova-lite-v1:0:300k", 10, 25, False),
    "long chats, Gemini": ("gemini/gemini-2.5-flash", 300, 1200, False),
    "escaped non-ASCII, Nova": ("bedrock/amazon.nova-lite-v1:0:300k", 40, 120, True),
}
_POOLS = {
    False: """the of and to in is you that it he was for on are as with his they at be this have from or one had by but
        not what all were we when your can said there use an each which she do how their if will up other about out many
        invoice refund account delivery customer order please contact support warranty return payment address update
        https://example.com/a?b=c 12.50 EUR 2024-05-11 e.g. note: answer: `code` "quoted" (in brackets) {"json": 1} a <
        b then them password""",
    True: """the of and to in is you that it he was for on are as invoice refund account delivery customer order note:
        für größer Straße déjà naïve señor mañana český żółw Привет мир 日本語 中文 12.50 EUR 2024-05-11""",
}


def sentences(count: int, words: int, foreign: bool) -> list[str]:
    """A pool of texts to build examples from."""
    source = random.Random(7)
    pool = _POOLS[foreign].split()
    texts = []
    for _ in range(count):
        picked = [source.choice(pool) for _ in range(source.randint(words // 2, words * 3 // 2))]
        for place in range(12, len(picked), 25):
            picked[place] += ".\n\n-"
        texts.append(" ".join(picked).capitalize() + ".")
    return texts


def write_file(path: Path, megabytes: int, question: int, answer: int, foreign: bool) -> int:
    """Write a dataset of about this size; returns its bytes."""
    source = random.Random(11)
    questions, answers = sentences(500, question, foreign), sentences(500, answer, foreign)
    system = "You are a support assistant. Be brief and polite."
    size = number = 0
    with path.open("w", encoding="ascii") as file:
        while size < megabytes * 1_000_000:
            number += 1
            turns = [
                {"role": "system", "content": system},
                {"role": "user", "content": f"{source.choice(questions)} (case {number})"},
                {"role": "assistant", "content": source.choice(answers)},
            ]
            size += file.write(json.dumps({"messages": turns}) + "\n")
    return size


def run_check(path: Path, target: str) -> dict[str, Any]:
    """The check, as the command line runs it; the tokenizer's tables are loaded before, as for any second file."""
    from llmstrat_iac.datasets.check import check
    from llmstrat_iac.datasets.rules import Method, find_rules
    from llmstrat_iac.datasets.tokens import token_counter
    from llmstrat_iac.datasets.vendors import VENDOR_RULES

    vendor, _, model = target.partition("/")
    rules = find_rules(VENDOR_RULES, vendor, model or None, Method.SUPERVISED)
    began = time.perf_counter()
    token_counter(rules.tokenizer).count(["warm"])
    load = time.perf_counter() - began
    began, cpu = time.perf_counter(), time.process_time()
    report = check(path, rules)
    taken = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    assert report.train.faulty == 0, report.findings
    return {**taken, "load_seconds": load, "examples": report.train.examples, "basis": report.token_basis}


def run_plain(path: Path, _target: str) -> dict[str, Any]:
    """The yardstick: parse every line and forget it."""
    began, cpu = time.perf_counter(), time.process_time()
    examples = 0
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
            examples += 1
    taken = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    return {**taken, "examples": examples}


RUNNERS: dict[str, Callable[[Path, str], dict[str, Any]]] = {"check": run_check, "plain": run_plain}


def in_process(runner: str, path: Path, target: str) -> dict[str, Any]:
    """Run one side in a process of its own, which also tells its peak memory."""
    command = [sys.executable, __file__, "--run", runner, "--file", str(path), "--target", target]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure(case: str, megabytes: int, rounds: int, folder: Path) -> dict[str, Any]:
    """One case: both sides in turn, several times."""
    target, question, answer, foreign = CASES[case]
    path = folder / "train.jsonl"
    size = write_file(path, megabytes, question, answer, foreign)
    pairs = [tuple(in_process(runner, path, target) for runner in ("check", "plain")) for _ in range(rounds)]
    path.unlink()
    check, plain = ([pair[side] for pair in pairs] for side in (0, 1))
    return {
        "case": case,
        "bytes": size,
        "examples": check[0]["examples"],
        "bytes_per_line": round(size / check[0]["examples"]),
        "check_mb_s": round(size / 1e6 / median(each["seconds"] for each in check), 1),
        "json_loads_mb_s": round(size / 1e6 / median(each["seconds"] for each in plain), 1),
        "check_mb_per_cpu_s": round(size / 1e6 / median(each["cpu_seconds"] for each in check), 1),
        "json_loads_mb_per_cpu_s": round(size / 1e6 / median(each["cpu_seconds"] for each in plain), 1),
        "cpu_ratio": round(median(one["cpu_seconds"] / other["cpu_seconds"] for one, other in pairs), 2),
        "check_peak_mb": round(max(each["peak_mb"] for each in check)),
        "json_loads_peak_mb": round(max(each["peak_mb"] for each in plain)),
        "tokenizer_load_seconds": round(median(each["load_seconds"] for each in check), 2),
        "tokens": check[0]["basis"],
    }


def table(results: list[dict[str, Any]]) -> Iterator[str]:
    """The results for people."""
    head = f"{'case':28} {'MB':>5} {'B/line':>7} {'check':>9} {'json.loads':>11}"
    yield f"{head} {'per CPU second':>15} {'ratio':>6} {'peak memory':>14}"
    for each in results:
        cpu = f"{each['check_mb_per_cpu_s']:.0f} / {each['json_loads_mb_per_cpu_s']:.0f} MB"
        yield (
            f"{each['case']:28} {each['bytes'] / 1e6:5.0f} {each['bytes_per_line']:7} {each['check_mb_s']:4.0f} MB/s "
            f"{each['json_loads_mb_s']:6.0f} MB/s {cpu:>15} {each['cpu_ratio']:5.2f}x "
            f"{each['check_peak_mb']:6} / {each['json_loads_peak_mb']} MB"
        )
    yield "ratio: processor time of the check over that of json.loads, which other work on the machine changes least"
    yield "peak memory: of the check / of json.loads, each with Python and its imports"


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", choices=CASES, action="append", help="only this case (repeatable)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument("--run", choices=RUNNERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--target", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        result = RUNNERS[arguments.run](arguments.file, arguments.target)
        # ru_maxrss is in KiB on Linux and in bytes on macOS.
        unit = 1e6 if sys.platform == "darwin" else 1e6 / 1024
        print(json.dumps({**result, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}))
        return
    with tempfile.TemporaryDirectory() as folder:
        cases = arguments.case or list(CASES)
        results = [measure(case, arguments.megabytes, arguments.rounds, Path(folder)) for case in cases]
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        print("\n".join(table(results)))


if __name__ == "__main__":
    main()
