"""`plan` announces exactly what the program registers: type by type, for every shape of spec that changes the count."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from components_kit import EXPIRES, deploy

from llmstrat_iac.hookspecs import ProgramContext, ResolvedSpec
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.strategies.closed_api.outline import plan_stack
from llmstrat_iac.strategies.closed_api.program import program
from llmstrat_iac.target import Target

ROOT = Path(__file__).parents[3]
SPECS = [
    *sorted((ROOT / "examples").rglob("*.yaml")),
    *(ROOT / "tests" / "specs" / "valid" / f"{name}.yaml" for name in ("smallest", "json", "everything")),
]


def registered(resolved: ResolvedSpec) -> Counter[str]:
    """The types that the program registers, counted."""
    expires = EXPIRES if resolved.spec.limits.ttl.duration else None
    secrets = dict.fromkeys(resolved.providers, "sk-test")
    context = ProgramContext(resolved, Target(), expires, secrets)
    return Counter(each.type for each in deploy(lambda: program(context)).registrations)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_outline_is_what_the_program_registers(path: Path) -> None:
    resolved = load_spec(path)
    planned = Counter({resource.type: resource.count for resource in plan_stack(resolved).resources})
    assert planned == registered(resolved)
