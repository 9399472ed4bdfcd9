"""The runtime of docs/plugins.md, installed as a package of its own, serves behind the gateway."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from components_kit import EXPIRES, deploy
from open_kit import NOW, OPEN, load

from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.program import run
from llmstrat_iac.target import Target

PAGE = Path(__file__).parents[3] / "docs" / "plugins.md"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's module, where Python finds it with its entry point; the distribution's name."""
    found = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (module,) = [text for text in found if "def llmstrat_runtimes" in text]
    (tmp_path / "llmstrat_iac_shared.py").write_text(module, encoding="utf-8")
    facts = tmp_path / "llmstrat_iac_shared-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: llmstrat-iac-shared\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[llmstrat_iac]\nshared = llmstrat_iac_shared\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "llmstrat-iac-shared"


def test_the_runtime_in_the_docs_serves(plugin: str, tmp_path: Path) -> None:
    serving = {"runtime": "shared", "options": {"endpoint": "llama"}}
    resolved = load(tmp_path, model=OPEN, serving=serving, plugins=[plugin])
    plan = build_plan(resolved, create_registry(resolved.spec.plugins), now=NOW)
    assert plan.errors == ()
    assert [line.usd for line in plan.stack.costs if line.item.endswith(": serving")] == [0]

    made = deploy(lambda: run(ProgramContext(resolved, Target(), EXPIRES)))
    policies = json.dumps([each.inputs["policy"] for each in made.of("aws:iam/rolePolicy:RolePolicy")])
    assert ":endpoint/llama" in policies
    assert made.outputs["fleet"] == {"runtime": "shared", "paused": False, "endpoint": "llama"}
