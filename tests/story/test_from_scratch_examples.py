"""Every example of strategy D runs its whole story as it stands: accepted, trained, asked, and nothing left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from story_kit import REPOSITORY, User

EXAMPLES = sorted((REPOSITORY / "examples" / "from-scratch").glob("*/spec.yaml"))


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose sandbox has the shortest jobs and fleets."""
    short = {"LLMSTRAT_SANDBOX_JOB_SECONDS": "1", "LLMSTRAT_SANDBOX_FLEET_SECONDS": "0.1", "HF_TOKEN": "hf_example"}
    user = User(tmp_path_factory.mktemp("user"), short)
    user.ok("sandbox", "start")
    yield user
    user.ok("sandbox", "stop")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_runs_its_whole_story(user: User, path: Path) -> None:
    spec: dict[str, Any] = YAML(typ="safe").load(path)
    up = user.ok("up", path, "--sandbox", "--yes", "--wait", "--json").json
    assert all(check["passed"] for check in up["smoke_test"])
    gate = user.ok("accept", path, "--sandbox", "--json").json
    assert len(gate["nodes"]) == spec["cluster"]["nodes"]
    assert user.ok("status", path, "--sandbox", "--json").json["job"]["job"]["state"] == "completed"
    if "serving" in spec:
        assert user.ok("invoke", path, "Hello?", "--model", spec["model_alias"], "--sandbox").out
    receipt = user.ok("down", path, "--sandbox", "--yes", "--json").json
    assert (receipt["clean"], receipt["leftovers"]) == (True, [])
