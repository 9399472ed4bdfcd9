"""Every example of strategy C runs its whole story as it stands: planned, built, trained, asked, and nothing left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from story_kit import REPOSITORY, User
from story_open import Account, closed

EXAMPLES = sorted((REPOSITORY / "examples" / "open-model").glob("*/spec.yaml"))


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose sandbox has the shortest jobs and fleets."""
    short = {"LLMSTRAT_SANDBOX_JOB_SECONDS": "1", "LLMSTRAT_SANDBOX_FLEET_SECONDS": "0.1", "HF_TOKEN": "hf_example"}
    user = User(tmp_path_factory.mktemp("user"), short)
    user.spec.write_text(closed())
    user.ok("sandbox", "start")
    yield user
    user.ok("sandbox", "stop")


@pytest.fixture(scope="module")
def account(user: User) -> Account:
    return Account(user)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_runs_its_whole_story(user: User, account: Account, path: Path) -> None:
    spec: dict[str, Any] = YAML(typ="safe").load(path)
    (consumer, *_), token = spec["endpoint"]["consumers"], spec["model"].get("token", {}).get("secret", "env:")
    if not token.startswith("env:"):
        account.client("secretsmanager").create_secret(Name=token, SecretString="hf_example")
    assert "Nothing has been created" in user.ok("plan", path).out

    up = user.ok("up", path, "--sandbox", "--yes", "--wait", "--json").json
    assert all(check["passed"] for check in up["smoke_test"])
    for alias in consumer["models"]:
        answer = user.ok("invoke", path, "Where is parcel 7?", "--model", alias, "--sandbox").out
        assert ("[tuned" in answer) is ("training" in spec and alias == spec["model"]["alias"])
    served = user.ok("logs", path, "--sandbox", "--json").out.splitlines()[-len(consumer["models"]) :]
    assert all('"fleet"' in line for line in served), "a fallback has answered"

    receipt = user.ok("down", path, "--sandbox", "--yes", "--json").json
    assert (receipt["clean"], receipt["leftovers"]) == (True, [])
    assert account.remains() == []
