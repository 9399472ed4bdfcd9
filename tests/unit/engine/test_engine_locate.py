"""Where Pulumi is looked for, in which order, and what is said of one that can't be used. Fake executables."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_executables import fake_pulumi

from llmstrat_iac.engine.locate import (
    EngineMissingError,
    Origin,
    candidates,
    find_cli,
    installed_bin_dir,
)
from llmstrat_iac.engine.versions import ENGINE_VERSION, is_supported


def calls(path: Path) -> int:
    file = path.parent / "calls"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_order_is_variable_then_path_then_cache(tmp_path: Path) -> None:
    named = fake_pulumi(tmp_path / "named")
    on_path = fake_pulumi(tmp_path / "path")
    cached = fake_pulumi(installed_bin_dir(tmp_path / "root"))
    environment = {"LLMSTRAT_PULUMI": str(named), "PATH": str(on_path.parent)}
    root = tmp_path / "root"
    found = find_cli(environment, root=root)
    assert (found.path, found.version, found.origin) == (named, ENGINE_VERSION, Origin.ENVIRONMENT)
    assert find_cli({**environment, "LLMSTRAT_PULUMI": ""}, root=root).path == on_path
    assert find_cli({"PATH": str(tmp_path)}, root=root).path == cached


def test_variable_may_name_the_folder(tmp_path: Path) -> None:
    path = fake_pulumi(tmp_path / "bin")
    assert find_cli({"LLMSTRAT_PULUMI": str(path.parent), "PATH": ""}, root=tmp_path / "root").path == path


def test_too_old_on_path_is_passed_over_with_a_reason(tmp_path: Path) -> None:
    old = fake_pulumi(tmp_path / "path", "v3.100.0")
    cached = fake_pulumi(installed_bin_dir(tmp_path / "root"))
    environment = {"PATH": str(old.parent)}
    assert find_cli(environment, root=tmp_path / "root").path == cached
    first, second = candidates(environment, root=tmp_path / "root")
    assert first.rejected == f"it is version 3.100.0, and {ENGINE_VERSION} is needed"
    assert second.rejected is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo boom >&2; exit 3", "`pulumi version` ended with 3: boom"),
        ("exit 4", "`pulumi version` ended with 4: it said nothing"),
        ("echo hello", "`pulumi version` answered `hello`, which isn't a version"),
        ("kill -SEGV $$", "`pulumi version` ended with -11: it said nothing"),
    ],
)
def test_broken_executable_named_by_the_variable_is_an_error(tmp_path: Path, body: str, reason: str) -> None:
    path = fake_pulumi(tmp_path / "named", body=body)
    fake_pulumi(tmp_path / "path")
    with pytest.raises(EngineMissingError) as caught:
        find_cli({"LLMSTRAT_PULUMI": str(path), "PATH": str(tmp_path / "path")}, root=tmp_path / "root")
    assert caught.value.message == f"LLMSTRAT_PULUMI: `{path}` can't be used: {reason}"


def test_file_that_is_absent_not_executable_or_no_program(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("not a program")
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x7fELF garbage")
    garbage.chmod(0o755)
    for path, reason in (
        (tmp_path / "absent", "there is no such file"),
        (plain, "it isn't executable"),
        (garbage, "it can't be started: Exec format error"),
    ):
        with pytest.raises(EngineMissingError, match=reason):
            find_cli({"LLMSTRAT_PULUMI": str(path), "PATH": ""}, root=tmp_path / "root")


def test_nothing_found_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError) as caught:
        find_cli({"PATH": str(tmp_path)}, root=tmp_path / "root")
    assert caught.value.message == f"the Pulumi engine (at least {ENGINE_VERSION}) isn't installed"
    assert caught.value.remedy == "run `llmstrat engine install`"


def test_version_is_asked_once_until_the_file_changes(tmp_path: Path) -> None:
    path = fake_pulumi(tmp_path / "bin")
    environment = {"PATH": str(path.parent)}
    for _ in range(3):
        find_cli(environment, root=tmp_path / "root")
    assert calls(path) == 1
    fake_pulumi(tmp_path / "bin", "v3.999.0")
    assert find_cli(environment, root=tmp_path / "root").version == "3.999.0"
    assert calls(path) == 2


def test_damaged_memory_of_versions_is_ignored(tmp_path: Path) -> None:
    path = fake_pulumi(tmp_path / "bin")
    memory = tmp_path / "root" / "versions.json"
    memory.parent.mkdir()
    for damage in ("{", "[]", f'{{"{path}": 7}}', f'{{"{path}": [1]}}'):
        memory.write_text(damage)
        assert find_cli({"PATH": str(path.parent)}, root=tmp_path / "root").version == ENGINE_VERSION


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        (ENGINE_VERSION, True),
        (f"v{ENGINE_VERSION}+dirty", True),
        ("3.1000.1", True),
        ("3.258.9", False),
        ("4.0.0", False),
        ("next", False),
    ],
)
def test_supported_versions(version: str, supported: bool) -> None:
    assert is_supported(version) is supported
