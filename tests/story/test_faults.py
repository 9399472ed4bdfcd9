"""What goes wrong at run time: one clear error, nothing half-made that the next command can't deal with."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from story_kit import LLMSTRAT, Result, User


def wait_until(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def state_text(user: User) -> str:
    stacks = user.home / "sandbox" / "state" / ".pulumi" / "stacks"
    return "".join(path.read_text(errors="replace") for path in stacks.rglob("*.json"))


def start_up_and_wait_for(user: User, urn_part: str) -> subprocess.Popen[str]:
    """Start an `up` and return while it is in the middle: as soon as a resource is in the state."""
    process = user.start("up", user.spec, "--sandbox", "--yes", "--skip-preflight")
    wait_until(lambda: urn_part in state_text(user) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def finish(process: subprocess.Popen[str]) -> Result:
    out, err = process.communicate(timeout=900)
    return Result(process.returncode, out, err)


def works_and_goes(user: User) -> None:
    user.sandboxed("up", "--yes", "--skip-preflight")
    assert user.client().models.list().data
    assert "Nothing is left." in user.sandboxed("down", "--yes").out


def test_up_interrupted_with_ctrl_c_then_up_and_down(user: User) -> None:
    process = start_up_and_wait_for(user, "aws:iam/role:Role")
    process.send_signal(signal.SIGINT)
    interrupted = finish(process)
    assert interrupted.code == 1
    assert "`up` stopped, and what was done is recorded" in interrupted.err
    assert "Traceback" not in interrupted.err
    works_and_goes(user)


def test_up_killed_then_down(user: User) -> None:
    process = start_up_and_wait_for(user, "aws:iam/role:Role")
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    gone = user.sandboxed("down", "--yes")
    assert "Nothing is left." in gone.out


def test_up_killed_then_up_and_down(user: User) -> None:
    process = start_up_and_wait_for(user, "aws:apigateway/restApi:RestApi")
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    works_and_goes(user)


def test_two_commands_on_one_stack(user: User) -> None:
    process = start_up_and_wait_for(user, "aws:iam/role:Role")
    # The engine waits for the stopped program and so keeps the lock for as long as we need it.
    os.killpg(process.pid, signal.SIGSTOP)
    second = user.run("down", user.spec, "--sandbox", "--yes")
    os.killpg(process.pid, signal.SIGCONT)
    first = finish(process)
    assert first.code == 0, first.err
    assert second.code == 1
    assert "locked" in second.err or "another" in second.err
    assert "Traceback" not in second.err
    assert user.client().models.list().data
    assert "Nothing is left." in user.sandboxed("down", "--yes").out


def test_reader_that_goes_away(user: User) -> None:
    # The reader leaves in the middle of the deployment, at the first resource.
    command = f"{LLMSTRAT} up {user.spec} --sandbox --yes --skip-preflight | sed '/  + /q'"
    piped = subprocess.run(
        ["bash", "-c", command],
        env=user.environment,
        cwd=user.home,
        capture_output=True,
        text=True,
        timeout=900,
        check=True,
    )
    assert piped.stdout.startswith("story-dev")
    assert "Nothing is left." in user.sandboxed("down", "--yes").out


def test_missing_key_variable(user: User) -> None:
    bare = User(user.home, {"OPENAI_API_KEY": ""})
    result = bare.run("up", user.spec, "--yes")
    assert result.code == 1
    assert "`OPENAI_API_KEY`" in result.err
    assert "Traceback" not in result.err


def test_engine_that_is_not_there(user: User) -> None:
    result = User(user.home, {"LLMSTRAT_PULUMI": "/nonexistent/pulumi"}).run("up", user.spec, "--sandbox", "--yes")
    assert result.code == 1
    assert "LLMSTRAT_PULUMI" in result.err
    assert "llmstrat engine install" in result.err


def test_no_stack_yet(user: User) -> None:
    for command in ("status", "outputs", "logs"):
        result = user.run(command, user.spec, "--sandbox")
        assert (result.code, result.out) == (1, "")
        assert "run `llmstrat up` first" in result.err


def test_unknown_consumer(user: User) -> None:
    result = user.run("keys", "rotate", user.spec, "wbe", "--sandbox", "--yes")
    assert result.code == 1
    assert "no consumer `wbe`" in result.err


def test_busy_port(user: User, tmp_path: Path) -> None:
    other = User(tmp_path, {"LLMSTRAT_SANDBOX_HOME": str(tmp_path / "other")})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = other.run("sandbox", "start", "--port", str(taken.getsockname()[1]))
    assert result.code == 1
    assert "in use" in result.err or "busy" in result.err
    assert "Traceback" not in result.err


def test_second_sandbox(user: User) -> None:
    result = user.run("sandbox", "start")
    assert result.code == 1
    assert "already running" in result.err


@pytest.mark.usefixtures("user")
def test_emulator_that_died(tmp_path: Path, user: User) -> None:
    other = User(tmp_path, {"LLMSTRAT_SANDBOX_HOME": str(tmp_path / "sandbox")})
    other.spec.write_text(user.spec.read_text())
    other.ok("sandbox", "start")
    try:
        processes = other.ok("sandbox", "status", "--json").json["processes"]
        pid = next(process["pid"] for process in processes if process["name"] == "emulator")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: other.run("sandbox", "status").code == 1)
        result = other.run("up", other.spec, "--sandbox", "--yes")
        assert result.code == 1
        assert "emulator has died" in result.err
        assert "llmstrat sandbox stop" in result.err
    finally:
        other.ok("sandbox", "stop")


def test_sandbox_for_one_command(tmp_path: Path, user: User) -> None:
    other = User(tmp_path, {"LLMSTRAT_SANDBOX_HOME": str(tmp_path / "sandbox")})
    other.spec.write_text(user.spec.read_text())
    result = other.ok("up", other.spec, "--sandbox", "--yes")
    assert "✓ `chat` answers" in result.out
    assert "Nothing is left." in result.out
    assert "no sandbox runs" in other.run("sandbox", "status").err
