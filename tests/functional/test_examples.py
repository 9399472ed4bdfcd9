"""Each example's plan is what its `.plan.txt` says, and each example validates against the committed JSON Schema.

`python tests/functional/test_examples.py` writes the expected plans anew: read the diff before you commit it.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from llmstrat_iac.cli.render import console, print_plan
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.spec.document import read_document

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
WITH_PLAN = [path for path in EXAMPLES if path.parent.name != "demo"]
SCHEMA = json.loads((ROOT / "schema" / "llmstrat-v1.schema.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""The day of the expected plans: later, models retire."""


def plan_text(path: Path) -> str:
    """What `llmstrat plan` prints on that day."""
    resolved = load_spec(path)
    out = io.StringIO()
    with redirect_stdout(out):
        print_plan(build_plan(resolved, create_registry(resolved.spec.plugins), now=NOW), console())
    return out.getvalue()


@pytest.mark.parametrize("path", WITH_PLAN, ids=lambda path: str(path.relative_to(ROOT / "examples")))
def test_the_plan_of_an_example_is_the_expected_one(path: Path) -> None:
    expected = path.with_suffix(".plan.txt").read_text(encoding="utf-8")
    assert plan_text(path) == expected, "to accept: python tests/functional/test_examples.py"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT / "examples")))
def test_an_example_is_accepted_by_the_schema_and_by_the_loader(path: Path) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(read_document(path).data)
    load_spec(path)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT / "examples")))
def test_no_example_would_be_refused(path: Path) -> None:
    resolved = load_spec(path)
    assert build_plan(resolved, create_registry(resolved.spec.plugins), now=NOW).errors == ()


@pytest.mark.parametrize("path", WITH_PLAN, ids=lambda path: str(path.relative_to(ROOT / "examples")))
def test_a_plan_is_at_most_a_hundred_columns_wide_and_names_its_sources(path: Path) -> None:
    lines = plan_text(path).splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.lstrip().startswith("[1]  20") for line in lines)


if __name__ == "__main__":
    for example in WITH_PLAN:
        example.with_suffix(".plan.txt").write_text(plan_text(example), encoding="utf-8")
