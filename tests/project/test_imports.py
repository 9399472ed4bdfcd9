"""What import-linter can't say: submodules of packages outside, and what a running command has really imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "llmstrat_iac"
HEAVY = ("boto3", "botocore", "pulumi", "pulumi_aws", "sagemaker", "urllib3")
RELAY_MAY_IMPORT = sys.stdlib_module_names | {"botocore", "boto3", "urllib3", "relay"}


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a file imports anywhere in it; relative imports of the same package are left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_the_engine_knows_pulumis_automation_interface() -> None:
    users = {
        path.relative_to(SOURCE).parts[0]
        for path in SOURCE.rglob("*.py")
        if any(name.startswith("pulumi.automation") for name in imported(path))
    }
    assert users <= {"engine"}


def test_the_relay_needs_only_what_lambda_has() -> None:
    foreign = {
        (path.name, name)
        for path in (SOURCE / "relay").rglob("*.py")
        for name in imported(path)
        if name.partition(".")[0] not in RELAY_MAY_IMPORT
    }
    assert not foreign


def test_files_stay_small() -> None:
    long = {
        str(path.relative_to(SOURCE)): lines
        for path in SOURCE.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 320
    }
    assert not long


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["validate", "{spec}"], ["plan", "{spec}"], ["strategies"], ["models"], ["plugins"], ["schema"]],
    ids=lambda arguments: arguments[0],
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    spec = SOURCE.parents[1] / "examples" / "demo" / "gateway.yaml"
    command = [one.format(spec=spec) for one in arguments]
    script = (
        "import sys\nfrom llmstrat_iac.cli import main\n"
        f"code = main({command!r})\n"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "sys.exit(f'imported {heavy}' if heavy else code)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
