"""The folder as it is copied to an instance: complete, on its own, of the standard library."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from launcher_kit import job_files, write_files

from llmstrat_iac import trainer
from llmstrat_iac.open_model.trainer_files import TRL_VERSION

SOURCE = Path(trainer.__file__).parent
LATE = {"boto3"}
"""Imported inside the function that needs it."""
TRAINERS_OWN = {"transformers", "torch"}


def requirements(path: Path) -> dict[str, list[str]]:
    """Package names to pinned versions; a version may differ by Python's."""
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text(), re.MULTILINE):
        pins.setdefault(name, []).append(version)
    return pins


def test_the_list_of_files_is_complete() -> None:
    assert sorted(trainer.PACKAGE_FILES) == sorted(path.name for path in SOURCE.glob("*.py"))


@pytest.mark.parametrize("name", trainer.PACKAGE_FILES)
def test_it_imports_only_what_an_instance_has(name: str) -> None:
    tree = ast.parse((SOURCE / name).read_text())
    allowed = sys.stdlib_module_names | LATE | (TRAINERS_OWN if name == "trl_job.py" else set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1 or (node.module or "").split(".")[0] in allowed
    top = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert not top & LATE


def test_what_is_rendered_starts_without_anything_installed(tmp_path: Path) -> None:
    write_files(tmp_path / "code", job_files(tmp_path / "source"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); import trainer.launch"],
        cwd=tmp_path / "code",
        env={},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_job_installs_what_was_tested_but_no_torch() -> None:
    installed = requirements(SOURCE / trainer.REQUIREMENTS)
    tested = requirements(SOURCE.parents[2] / "requirements" / "trainer.txt")

    assert installed["trl"] == [TRL_VERSION]
    assert {"peft", "accelerate", "bitsandbytes", "transformers"} <= installed.keys()
    assert {name: tested[name] for name in installed} == installed
    gone = tested.keys() - installed.keys()
    assert "torch" in gone
    assert all(re.match(r"torch|triton|nvidia-|cuda-", name) for name in gone)
