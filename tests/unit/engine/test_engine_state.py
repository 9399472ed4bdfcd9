"""The small parts around a stack's state: its guard, its locks, its settings, its export, and the messages' table."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmstrat_iac.engine.backends import choose_backend
from llmstrat_iac.engine.environment import process_environment
from llmstrat_iac.engine.failures import DiskFullError, Failure, OperationInterruptedError, StackLockedError, explain
from llmstrat_iac.engine.locate import Origin, PulumiCli
from llmstrat_iac.engine.locks import LockOwner, read_owners
from llmstrat_iac.engine.process import Completed
from llmstrat_iac.engine.results import read_snapshot, read_stacks
from llmstrat_iac.engine.settings import write_workspace
from llmstrat_iac.engine.statefile import StateFile
from llmstrat_iac.errors import EngineError


@pytest.fixture
def state(tmp_path: Path) -> StateFile:
    workspace = tmp_path / "workspaces" / "proj"
    workspace.mkdir(parents=True)
    state = StateFile.of(tmp_path, workspace, "proj", "dev")
    state.file.parent.mkdir(parents=True)
    return state


def replace_file(file: Path, text: str) -> None:
    """Write as Pulumi does: a draft that is moved over the file."""
    draft = file.with_suffix(".tmp")
    draft.write_text(text)
    draft.replace(file)


def test_emptied_state_is_restored_from_the_kept_one(state: StateFile) -> None:
    replace_file(state.file, '{"version": 3}')
    state.keep()
    replace_file(state.file, "")
    state.keep()  # a damaged state must not replace the good one
    assert state.restore()
    assert state.file.read_text() == '{"version": 3}'
    assert not state.restore()


def test_nothing_is_restored_without_need_or_copy(state: StateFile) -> None:
    assert not state.restore()
    replace_file(state.file, "{")
    assert not state.restore()
    assert state.file.read_text() == "{"
    replace_file(state.file, "{}")
    state.keep()
    replace_file(state.file, '{"newer": 1}')
    assert not state.restore()
    state.forget()
    replace_file(state.file, "")
    assert not state.restore()


def test_operation_needs_room(state: StateFile) -> None:
    state.check_space("proj/dev", minimum=1)
    with pytest.raises(DiskFullError, match="proj/dev: the disk is full") as caught:
        state.check_space("proj/dev", minimum=1 << 60)
    assert "nothing was begun" in str(caught.value)


def owner(pid: int, *, host: str | None = None, ago: timedelta = timedelta()) -> LockOwner:
    since = (datetime.now(UTC) - ago).isoformat(timespec="seconds")
    return LockOwner("/state/lock.json", "me", host or socket.gethostname(), pid, since)


def ended_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_owner_is_gone_only_when_that_is_certain() -> None:
    assert owner(ended_pid()).is_gone
    assert not owner(os.getpid()).is_gone
    assert not owner(ended_pid(), host="elsewhere").is_gone


def test_number_that_another_process_has_inherited() -> None:
    assert owner(os.getpid(), ago=timedelta(days=3650)).is_gone


def test_process_that_nobody_reaped_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()  # its end, and so its exit, is reached; it isn't waited for yet
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert owner(process.pid).is_gone
    process.stdout.close()
    process.wait()


REFUSAL = "\n".join(
    (
        "error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the",
        "  file:///my%20data/locks/1.json?no_tmp_dir=true: created by me@host (pid 7) at 2026-01-02T03:04:05Z",
        "  s3://bucket/locks/2.json?region=x: created by a b@other.example (pid 8) at 2026-01-02T03:04:06+02:00",
        "",
    )
)


def test_owners_are_read_from_the_refusal() -> None:
    assert read_owners(REFUSAL * 2) == (
        LockOwner("/my data/locks/1.json", "me", "host", 7, "2026-01-02T03:04:05Z"),
        LockOwner("s3://bucket/locks/2.json", "a b", "other.example", 8, "2026-01-02T03:04:06+02:00"),
    )


def failure(stderr: str, *, code: int = 1, interrupts: int = 0) -> Failure:
    return Failure("up", "proj", "dev", Completed(code, "", stderr, interrupts))


def test_lock_of_another_machine_is_never_stale() -> None:
    error = explain(failure(REFUSAL))
    assert isinstance(error, StackLockedError)
    assert not error.is_stale
    assert "me@host (process 7" in error.message


def test_conflict_of_a_hosted_backend() -> None:
    error = explain(failure("error: [409] Conflict: Another update is currently in progress.\n"))
    assert isinstance(error, StackLockedError)
    assert not error.is_stale


def test_interrupt_says_whether_the_state_was_saved() -> None:
    stopped, killed = explain(failure("", interrupts=1)), explain(failure("", code=-9, interrupts=2))
    assert isinstance(stopped, OperationInterruptedError)
    assert isinstance(killed, OperationInterruptedError)
    assert (stopped.killed, killed.killed) == (False, True)


def test_unknown_failure_keeps_pulumis_last_words() -> None:
    error = explain(failure("warning: odd\nerror: the moon is in the wrong phase\n"))
    assert type(error) is EngineError
    assert error.message == "proj/dev: `up` failed: the moon is in the wrong phase"
    assert "ended with 3 and said nothing" in explain(failure("", code=3)).message


def test_settings_are_written_once_and_keep_what_pulumi_added(tmp_path: Path) -> None:
    def write(**config: str) -> None:
        write_workspace(tmp_path, project="proj", stack="dev", config=config, secrets_provider="awskms://k")

    write(region="a")
    file = tmp_path / "Pulumi.dev.yaml"
    assert (tmp_path / "Pulumi.yaml").read_text() == 'name: "proj"\nruntime: python\n'
    file.write_text(file.read_text() + "encryptedkey: abc\n")
    before = file.stat().st_mtime_ns, file.read_text()
    write(region="a")
    assert (file.stat().st_mtime_ns, file.read_text()) == before
    write(region="b: c", other="no")
    from ruamel.yaml import YAML

    assert YAML(typ="safe").load(file.read_text()) == {
        "config": {"proj:region": "b: c", "proj:other": "no"},
        "secretsprovider": "awskms://k",
        "encryptedkey": "abc",
    }


def test_export_of_an_empty_and_of_an_unfinished_stack() -> None:
    assert read_snapshot('{"version": 3, "deployment": null}').resources == ()
    urn = "urn:pulumi:dev::proj::aws:s3/bucket:Bucket::logs"
    pending = {"type": "creating", "resource": {"urn": urn, "type": "aws:s3/bucket:Bucket"}}
    snapshot = read_snapshot(json.dumps({"deployment": {"pending_operations": [pending]}}))
    assert [(one.name, one.doing) for one in snapshot.pending] == [("logs", "creating")]


def test_names_of_listed_stacks() -> None:
    listed = json.dumps([{"name": "organization/proj/dev", "resourceCount": 3}, {"name": "old"}])
    assert [(one.project, one.stack, one.resources) for one in read_stacks(listed)] == [
        ("proj", "dev", 3),
        ("", "old", None),
    ]


def test_environment_of_the_engine(tmp_path: Path) -> None:
    cli = PulumiCli(tmp_path / "bin" / "pulumi", "3.259.0", Origin.PATH)
    backend = replace(choose_backend({}, data_dir=tmp_path), passphrase_file=None)
    given = {"PATH": "/usr/bin", "MINE": "1", "AWS_RETRY_MODE": "standard"}
    made = process_environment(cli, backend, given)
    assert made["PATH"] == f"{tmp_path}/bin:{Path(sys.executable).parent}:/usr/bin"
    assert (made["MINE"], made["AWS_RETRY_MODE"], made["PULUMI_PYTHON_CMD"]) == ("1", "standard", sys.executable)
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in made
    assert "HOME" not in made
    attached = process_environment(cli, backend, {**given, "PULUMI_DEBUG_PROVIDERS": "aws:1234"})
    assert attached["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
