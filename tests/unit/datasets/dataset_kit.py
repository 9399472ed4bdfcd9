"""What the dataset tests share: rules by short name, and the golden files."""

from __future__ import annotations

import json
from pathlib import Path

from llmstrat_iac.datasets.report import DatasetReport
from llmstrat_iac.datasets.rules import Method, VendorRules, find_rules
from llmstrat_iac.datasets.vendors import VENDOR_RULES

DEFECTS = Path(__file__).parent / "defects"
_TARGETS = {
    "openai": ("openai", None),
    "trl": ("trl", None),
    "trl-text": ("trl-text", None),
    "gemini": ("gemini", "gemini-2.5-flash"),
    "sagemaker": ("sagemaker", None),
    "bedrock": ("bedrock", "amazon.nova-lite-v1:0:300k"),
    "claude": ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0:200k"),
    "llama": ("bedrock", "meta.llama3-1-8b-instruct-v1:0:128k"),
}


def rules_for(target: str, method: str = "supervised") -> VendorRules:
    """The rules of one of the short names above."""
    vendor, model = _TARGETS[target]
    return find_rules(VENDOR_RULES, vendor, model, Method(method))


def rules_of_file(path: Path) -> VendorRules:
    """`defect.target.jsonl` or `defect.target.method.jsonl`."""
    return rules_for(*path.name.split(".")[1:-1])


def rendered(report: DatasetReport) -> str:
    """A report as the golden files have it."""
    shown = [f"{each.severity} {each.rule} {each.line or '-'}: {each.message}" for each in report.findings]
    head = f"{report.train.examples} examples, {report.train.faulty} faulty, {report.errors} errors"
    return "\n".join([head, *shown]) + "\n"


def chat(number: int, words: int = 1) -> dict[str, object]:
    """A good example."""
    answer = " ".join(["Answer", *(["word"] * (words - 1)), f"{number}."])
    return {"messages": [{"role": "user", "content": f"Question {number}?"}, {"role": "assistant", "content": answer}]}


def write_chats(path: Path, count: int, *, first: int = 0, words: int = 1) -> Path:
    """A file of good examples."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(first, first + count):
            file.write(json.dumps(chat(number, words)) + "\n")
    return path
