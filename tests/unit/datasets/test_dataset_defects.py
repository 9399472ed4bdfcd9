"""Each defect has a file and the findings that it must give, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_kit import DEFECTS, rendered, rules_of_file

from llmstrat_iac.datasets.check import check
from llmstrat_iac.datasets.findings import RULES

FILES = sorted(DEFECTS.glob("*.jsonl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_defect_is_found_where_it_is(path: Path) -> None:
    report = check(path, rules_of_file(path), max_findings=20)
    assert rendered(report) == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_a_clean_file_has_no_errors_and_no_warning_but_its_size() -> None:
    report = check(DEFECTS / "clean.openai.jsonl", rules_of_file(DEFECTS / "clean.openai.jsonl"))
    assert (report.errors, dict(report.counts)) == (0, {"few": 1})


def test_every_rule_has_a_file_or_a_test_of_its_own() -> None:
    golden = "".join(path.with_suffix(".txt").read_text(encoding="utf-8") for path in FILES)
    elsewhere = {"long-line", "too-long", "leakage", "duplicates-partial", "too-many", "too-big", "file-name"}
    assert {rule.name for rule in RULES if f" {rule.name} " not in golden} == elsewhere
