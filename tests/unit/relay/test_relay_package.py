"""The folder as a zip: complete, on its own, and small where it must be."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llmstrat_iac import relay

SOURCE = Path(relay.__file__).parent
ALLOWED = {"botocore", "urllib3"} | sys.stdlib_module_names


def test_the_list_of_files_is_complete() -> None:
    assert sorted(relay.PACKAGE_FILES) == sorted(path.name for path in SOURCE.glob("*.py"))
    assert set(relay.AUTHORIZER_FILES) <= set(relay.PACKAGE_FILES)
    assert (SOURCE / relay.WRAPPER_FILE).stat().st_mode & 0o111


@pytest.mark.parametrize("name", relay.PACKAGE_FILES)
def test_it_imports_only_what_lambda_has(name: str) -> None:
    for node in ast.walk(ast.parse((SOURCE / name).read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= ALLOWED
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module is not None
            assert node.module.split(".")[0] in ALLOWED
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "relative imports stay inside the package"


def run(folder: Path, code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env={}, check=True, capture_output=True, text=True)
    return done.stdout


def test_the_authorizer_works_alone(tmp_path: Path) -> None:
    (tmp_path / "relay").mkdir()
    for name in relay.AUTHORIZER_FILES:
        shutil.copy(SOURCE / name, tmp_path / "relay" / name)
    (tmp_path / "consumers.json").write_text(json.dumps({"version": 1, "keys": {}}))
    module, _, function = relay.AUTHORIZER_HANDLER.rpartition(".")
    code = (
        f"from {module} import {function} as f\n"
        "import sys\n"
        "assert 'botocore' not in sys.modules and 'urllib3' not in sys.modules\n"
        "try: f({'methodArn': 'a/b/c', 'headers': {'authorization': 'Bearer x'}})\n"
        "except Exception as error: print(error)\n"
    )
    assert run(tmp_path, code) == "Unauthorized\n"


def test_a_cold_start_does_not_load_botocore(tmp_path: Path) -> None:
    shutil.copytree(SOURCE, tmp_path / "relay")
    module, _, function = relay.LAMBDA_HANDLER.rpartition(".")
    assert run(tmp_path, f"import sys\nfrom {module} import {function}\nprint('botocore' in sys.modules)") == "False\n"
