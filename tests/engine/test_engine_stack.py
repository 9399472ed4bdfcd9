"""A stack's life over the real engine: what the operations do, say and give back."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

import engine_programs as programs
import pulumi
import pytest
from engine_kit import Bench
from engine_programs import FolderEntry, entries

from llmstrat_iac.engine.events import (
    EngineEvent,
    Op,
    Progress,
    ResourceDone,
    ResourceStarted,
    Summary,
)
from llmstrat_iac.engine.failures import StackNotFoundError

SECRET = "hush-4711-never-shown"


def test_life_of_a_stack(bench: Bench) -> None:
    stack = bench.stack(entries(bench.cloud, 2))
    assert not stack.exists()
    previewed = stack.preview()
    assert previewed.changes == {Op.CREATE: 3}  # the two and the stack itself
    assert bench.things() == set()

    events: list[EngineEvent] = []
    raised = stack.up(events.append, planned=previewed.total)
    assert raised.changes == previewed.changes
    assert bench.things() == {"entry-0", "entry-1"}
    started = [one.name for one in events if isinstance(one, ResourceStarted)]
    done = [(one.name, one.op) for one in events if isinstance(one, ResourceDone)]
    assert sorted(started) == ["entry-0", "entry-1", "proj-dev"]
    assert sorted(done) == [("entry-0", Op.CREATE), ("entry-1", Op.CREATE), ("proj-dev", Op.CREATE)]
    assert [one for one in events if isinstance(one, Progress)][-1] == Progress(planned=3, done=3)
    assert isinstance(events[-1], Summary)

    assert stack.up().changed == 0
    assert {one.name for one in stack.resources() if one.is_physical} == {"entry-0", "entry-1"}
    assert [(one.project, one.stack, one.resources) for one in bench.engine.list_stacks("proj")] == [("proj", "dev", 4)]
    assert bench.engine.list_stacks("another") == ()

    assert stack.destroy(remove=True).changes == {Op.DELETE: 3}
    assert bench.things() == set()
    assert not stack.exists()


def test_update_replacement_and_drift(bench: Bench) -> None:
    def named(entry: str, size: int) -> programs.Program:
        return lambda: FolderEntry("one", bench.cloud, entry=entry, size=size) and None

    bench.stack(named("a", 1)).up()
    updated = bench.stack(named("a", 2)).up()
    assert updated.changes[Op.UPDATE] == 1
    events: list[EngineEvent] = []
    replaced = bench.stack(named("b", 2)).up(events.append)
    assert replaced.changes[Op.REPLACE] == 1
    ops = [one.op for one in events if isinstance(one, ResourceDone) and one.name == "one"]
    assert ops == [Op.REPLACE, Op.DELETE]
    assert bench.things() == {"b"}

    (bench.cloud / "b").unlink()
    refreshed = bench.stack(named("b", 2)).refresh()
    assert refreshed.changes[Op.DELETE] == 1
    assert bench.stack(named("b", 2)).up().changes[Op.CREATE] == 1


def test_secrets_stay_out_of_events_results_and_state(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    def program() -> None:
        hidden = pulumi.Output.secret(SECRET)
        FolderEntry("open", bench.cloud)
        pulumi.export("key", hidden)
        pulumi.export("nested", {"list": [hidden], "plain": 1})
        pulumi.export("plain", "seen")

    events: list[EngineEvent] = []
    stack = bench.stack(program)
    stack.config_set("token", SECRET, secret=True)
    results = [stack.preview(events.append), stack.up(events.append), stack.up(events.append)]
    shown = repr(events) + repr(results) + repr(stack.snapshot()) + "".join(capfd.readouterr())
    on_disk = "".join(file.read_text("utf-8", errors="replace") for file in bench.data.rglob("*") if file.is_file())
    assert SECRET not in shown
    assert SECRET not in on_disk
    assert results[1].outputs == {"key": "[secret]", "nested": {"list": ["[secret]"], "plain": 1}, "plain": "seen"}

    outputs = stack.outputs()
    assert outputs.secret == {"key", "nested"}
    assert outputs.values["key"] == "[secret]"
    assert stack.outputs(show_secrets=True).values["nested"] == {"list": [SECRET], "plain": 1}
    assert stack.config_get("token") == SECRET


def test_program_gets_the_config_and_the_engines_environment(bench: Bench) -> None:
    def program() -> None:
        config = pulumi.Config()
        pulumi.export("region", config.require("region"))
        pulumi.export("token", config.require_secret("token"))
        pulumi.export("seen", os.environ.get("SANDBOX_MARK", "nothing"))
        pulumi.export("inherited", os.environ.get("PYTEST_CURRENT_TEST", "nothing"))

    marked = bench.with_environment(SANDBOX_MARK="here")
    environment = {k: v for k, v in marked.engine.environment.items() if not k.startswith("PYTEST")}
    engine = replace(marked.engine, environment=environment)
    stack = engine.stack("proj", "dev", program, config={"region": "eu-west-1"})
    stack.config_set("token", SECRET, secret=True)
    before = dict(os.environ)
    result = stack.up()
    assert dict(os.environ) == before
    assert result.outputs == {"region": "eu-west-1", "token": "[secret]", "seen": "here", "inherited": "nothing"}
    stack = engine.stack("proj", "dev", program, config={"region": "us-east-1"})
    assert stack.up().outputs["region"] == "us-east-1"


def test_local_state_is_private(bench: Bench) -> None:
    bench.stack(programs.nothing).up()
    state = bench.data / "state"
    passphrase = bench.data / "state.passphrase"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert len(passphrase.read_text()) >= 32


def test_stacks_of_two_names_are_apart(bench: Bench) -> None:
    bench.stack(entries(bench.cloud, 1), name="one").up()
    two = bench.stack(programs.nothing, name="two")
    two.up()
    two.destroy(remove=True)
    assert bench.things() == {"entry-0"}
    assert [one.stack for one in bench.engine.list_stacks()] == ["one"]


def test_operations_on_a_stack_that_is_not_there(bench: Bench) -> None:
    stack = bench.stack(programs.nothing, name="ghost")
    for operation in (stack.destroy, stack.refresh, stack.snapshot, stack.recover, stack.remove):
        with pytest.raises(StackNotFoundError, match="proj/ghost: there is no such stack"):
            operation()
    assert [one.stack for one in bench.engine.list_stacks()] == []
