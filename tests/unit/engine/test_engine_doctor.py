"""What `doctor` finds on machines made up for it."""

from __future__ import annotations

from pathlib import Path

from fake_executables import fake_pulumi

from llmstrat_iac.engine.backends import choose_backend
from llmstrat_iac.engine.doctor import Check, Status, diagnose, is_ready
from llmstrat_iac.engine.locate import PYTHON_DYNAMIC
from llmstrat_iac.engine.versions import ENGINE_VERSION

SECRET = "AKIASECRETSECRET"


def examine(tmp_path: Path, **environment: str) -> dict[str, list[Check]]:
    made = {"PATH": "", "HOME": str(tmp_path), **environment}
    checks = diagnose(made, backend=choose_backend(made, data_dir=tmp_path), root=tmp_path / "engine")
    return {check.name: [one for one in checks if one.name == check.name] for check in checks}


def test_machine_with_nothing(tmp_path: Path) -> None:
    found = examine(tmp_path)
    (pulumi,) = found["pulumi"]
    assert (pulumi.status, pulumi.remedy) == (Status.MISSING, "run `llmstrat engine install`")
    assert PYTHON_DYNAMIC not in found
    assert found["go"][0].status is Status.WARN
    assert found["aws credentials"][0].found == "none"
    assert not is_ready(tuple(check for checks in found.values() for check in checks))


def test_every_candidate_is_explained(tmp_path: Path) -> None:
    old = fake_pulumi(tmp_path / "old", "v3.1.0")
    good = fake_pulumi(tmp_path / "engine" / ENGINE_VERSION / "bin")
    (good.parent / PYTHON_DYNAMIC).touch(0o755)
    found = examine(tmp_path, PATH=str(old.parent))
    first, second = found["pulumi"]
    assert (first.status, first.why) == (Status.WARN, f"not used: it is version 3.1.0, and {ENGINE_VERSION} is needed")
    assert second.status is Status.OK
    assert found[PYTHON_DYNAMIC][0].status is Status.OK
    assert found["pulumi-language-python"][0].status is Status.WARN
    assert is_ready(tuple(check for checks in found.values() for check in checks))


def test_engine_without_the_dynamic_provider_is_not_ready(tmp_path: Path) -> None:
    path = fake_pulumi(tmp_path / "bin")
    assert examine(tmp_path, PATH=str(path.parent))[PYTHON_DYNAMIC][0].status is Status.MISSING


def test_credentials_are_named_and_never_shown(tmp_path: Path) -> None:
    found = examine(tmp_path, AWS_ACCESS_KEY_ID=SECRET, AWS_SECRET_ACCESS_KEY=SECRET)
    assert found["aws credentials"][0].found == "the environment (AWS_ACCESS_KEY_ID)"
    assert SECRET not in repr(found)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(SECRET)
    found = examine(tmp_path)
    assert found["aws credentials"][0].found == f"the file {tmp_path}/.aws/credentials"
    assert SECRET not in repr(found)


def test_old_go_is_named(tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go1.20.3\n")
    go.chmod(0o755)
    (check,) = examine(tmp_path, PATH=str(tmp_path))["go"]
    assert check.status is Status.WARN
    assert check.found == f"1.20 at {go}"


def test_backends(tmp_path: Path) -> None:
    assert examine(tmp_path)["backend"][0].found == f"the folder {tmp_path}/state"
    assert not (tmp_path / "state").exists()
    blocker = tmp_path / "file"
    blocker.touch()
    (check,) = examine(tmp_path, PULUMI_BACKEND_URL=f"file://{blocker}/state")["backend"]
    assert (check.status, check.found) == (Status.MISSING, f"{blocker}/state can't be written")
    shared = {"PULUMI_BACKEND_URL": "s3://team?region=us-east-1", "PULUMI_CONFIG_PASSPHRASE": SECRET}
    (check,) = examine(tmp_path, **shared)["backend"]
    assert check.found == "s3://team?region=us-east-1, not contacted"


def test_backend_that_is_configured_wrongly(tmp_path: Path) -> None:
    checks = diagnose({"PATH": "", "HOME": str(tmp_path), "PULUMI_CONFIG_PASSPHRASE": ""}, root=tmp_path)
    backend = next(one for one in checks if one.name == "backend")
    assert (backend.status, backend.remedy[:8]) == (Status.MISSING, "unset it")
