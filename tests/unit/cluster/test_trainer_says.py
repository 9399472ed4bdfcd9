"""How the launcher starts a trainer and learns of its steps: events that it writes, or lines that it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmstrat_iac.cluster.events import write_event
from llmstrat_iac.cluster.generation import Generation, Member
from llmstrat_iac.cluster.progress import LoggedSteps
from llmstrat_iac.cluster.torchrun import program, torchrun_command
from llmstrat_iac.trainer.progress import Events

PATTERN = r"iteration +(?P<step>\d+)/(?:.*tokens/s: (?P<tokens_per_second>[\d,]+))?.*lm loss: (?P<loss>\S+)"


def test_a_trainer_is_a_module_or_a_script() -> None:
    assert program({"module": "acme.train", "arguments": ["--steps", "9"]}) == ["-m", "acme.train", "--steps", "9"]
    assert program({"script": "train.py", "arguments": []}) == ["train.py"]
    member = Member("node-1", "10.0.0.1", "s")
    command = torchrun_command(Generation(1, (member,), None), member, ["train.py"], processes=8, port=1, job="k")
    assert command[-1] == "train.py"
    assert command[-2].startswith("--local-addr")


def test_events_arrive_as_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.jsonl"
    events = Events(path)
    monkeypatch.setenv("LLMSTRAT_EVENTS", str(path))
    write_event("step", 10, loss=2.5)
    write_event("end", 20)
    assert events.read() == [{"event": "step", "step": 10, "loss": 2.5}, {"event": "end", "step": 20}]
    assert events.read() == []


def test_without_a_launcher_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMSTRAT_EVENTS", raising=False)
    monkeypatch.chdir(tmp_path)
    write_event("step", 10)
    assert list(tmp_path.iterdir()) == []


def test_steps_are_read_from_what_is_printed_from_now_on(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("iteration 1/ 100 | lm loss: 9.0\n")
    steps = LoggedSteps(log, PATTERN)
    with log.open("a") as file:
        file.write("loading\n iteration      20/     100 | tokens/s: 1,250,000 | lm loss: 2.5E+00 |\niteration 30/ ")
        file.flush()
        assert steps.read() == [{"event": "step", "step": 20, "loss": 2.5, "tokens_per_second": 1_250_000.0}]
        file.write("100 | lm loss: ?\n")
    # What isn't a number isn't known.
    assert steps.read() == [{"event": "step", "step": 30}]


def test_a_log_that_isnt_there_yet_has_no_steps(tmp_path: Path) -> None:
    assert LoggedSteps(tmp_path / "log.txt", PATTERN).read() == []
