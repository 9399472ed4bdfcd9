"""`llmstrat up` and plain `pulumi up` run the same program: they register the same resources with the same inputs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story_kit import LLMSTRAT, REPOSITORY, User

from llmstrat_iac.engine.locate import find_cli

# The engine copies the plain door's configuration into the inputs of the dynamic provider.
VOLATILE = frozenset({"__defaults", "llmstrat:expires", "llmstrat:spec"})
STACK = "story-dev"


@pytest.fixture
def project(tmp_path: Path, user: User) -> Path:
    """A copy of `stacks/closed-api` as a user would have it, pointed at their spec."""
    folder = tmp_path / "closed-api"
    shutil.copytree(REPOSITORY / "stacks" / "closed-api", folder, ignore=shutil.ignore_patterns("Pulumi.*-dev.yaml"))
    return folder


class Pulumi:
    """The plain engine in a project folder, with what `llmstrat sandbox env SPEC` prints."""

    def __init__(self, user: User, folder: Path) -> None:
        document = user.ok("sandbox", "env", user.spec, "--json").json
        environment = {name: value for name, value in user.environment.items() if name not in document["unset"]}
        cli = find_cli(os.environ)
        path = os.pathsep.join([str(cli.bin_dir), str(LLMSTRAT.parent), environment["PATH"]])
        self.command = str(cli.path)
        self.environment = environment | document["set"] | {"PATH": path}
        self.folder = folder

    def __call__(self, *arguments: str) -> str:
        run = subprocess.run(
            [self.command, *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout


@pytest.fixture
def pulumi(user: User, project: Path) -> Iterator[Pulumi]:
    return Pulumi(user, project)


def registered(exported: str) -> dict[str, Any]:
    """URN to inputs, less what must differ: times, ciphertext and generated keys."""
    resources = json.loads(exported)["deployment"]["resources"]
    return {resource["urn"]: comparable(resource.get("inputs", {})) for resource in resources}


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        if "ciphertext" in value:
            return "[secret]"
        return {name: comparable(item) for name, item in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value


def test_both_doors_register_the_same(user: User, pulumi: Pulumi) -> None:
    expires = user.sandboxed("up", "--yes", "--json").json["outputs"]["expires"]
    ours = registered(pulumi("stack", "export", "--stack", STACK))
    user.sandboxed("down", "--yes")

    pulumi("stack", "init", STACK)
    pulumi("config", "set", "spec", str(user.spec))
    pulumi("config", "set", "expires", expires)
    pulumi("up", "--yes", "--skip-preview")
    theirs = registered(pulumi("stack", "export", "--stack", STACK))
    assert theirs.keys() == ours.keys()
    different = {urn: (ours[urn], theirs[urn]) for urn in ours if ours[urn] != theirs[urn]}
    assert {urn: pair for urn, pair in different.items() if not depends_on_new_ids(urn)} == {}

    assert user.client().models.list().data
    assert "unchanged" in pulumi("preview")
    pulumi("destroy", "--yes", "--skip-preview")
    pulumi("stack", "rm", STACK, "--yes")


def depends_on_new_ids(urn: str) -> bool:
    """Inputs that hold ids or hashes of what was created anew: of the API, its parts, its keys and its role."""
    return any(
        part in urn
        for part in (
            "aws:secretsmanager/secretVersion",
            "aws:apigateway/",
            "aws:lambda/",
            "aws:iam/",
            "aws:cloudwatch/",
            "aws:scheduler/",
            "llmstrat:ConsumerKeys",
        )
    )
