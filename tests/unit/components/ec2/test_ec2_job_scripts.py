"""The scripts of an instance that trains, run for real: what is left of the time, and how each end is settled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from instance_kit import JOB, Instance

STATUS = "aws s3 cp s3://b/training/k-1/status.json -"


def job(tmp_path: Path, status: dict[str, object] | None, *, spot: bool = False, system: str = "running") -> Instance:
    answers = {
        STATUS: (0, json.dumps(status)) if status else (1, ""),
        "systemctl is-system-running": (0, system),
    }
    instance = Instance(tmp_path, answers)
    group = {"LLMSTRAT_GROUP": "group", "LLMSTRAT_SPOT": "1"} if spot else {}
    instance.environment(**JOB | group | {"LLMSTRAT_CACHE": str(tmp_path / "cache")})
    instance.metadata(instance_id="i-1")
    return instance


RUNNING = {"state": "running", "started": "2026-11-24T10:00:00Z", "attempt": 2, "step": 40, "total_steps": 100}


@pytest.mark.parametrize("spot", [False, True])
@pytest.mark.parametrize("state", ["completed", "failed"])
def test_a_job_that_is_over_ends_its_instance_for_good(state: str, spot: bool, tmp_path: Path) -> None:
    instance = job(tmp_path, RUNNING | {"state": state, "failure": None}, spot=spot)
    done = instance.run("finished.sh", variables={"SERVICE_RESULT": "success", "EXIT_STATUS": "0"})
    assert done.returncode == 0, done.stderr
    assert instance.written()["state"] == state
    ended = instance.calls("aws", "autoscaling", "terminate-instance-in-auto-scaling-group")
    assert [("--should-decrement-desired-capacity" in call) for call in ended] == ([True] if spot else [])
    assert instance.calls("shutdown") == [["shutdown", "-h", "+1"]]


@pytest.mark.parametrize(
    ("result", "status", "reason"),
    [
        ("timeout", "75", "stopped: the job's time (max_duration) is over"),
        ("exit-code", "137", "the launcher ended with status 137 (exit-code)"),
    ],
)
def test_a_launcher_that_could_say_nothing_is_spoken_for(result: str, status: str, reason: str, tmp_path: Path) -> None:
    instance = job(tmp_path, RUNNING)
    instance.run("finished.sh", variables={"SERVICE_RESULT": result, "EXIT_STATUS": status})
    written = instance.written()
    assert (written["state"], written["failure"], written["step"]) == ("failed", reason, 40)
    assert written["finished"]
    assert instance.calls("shutdown")


def test_a_reclaimed_spot_instance_settles_nothing(tmp_path: Path) -> None:
    stopping = job(tmp_path, RUNNING, spot=True, system="stopping")
    assert stopping.run("finished.sh", variables={"SERVICE_RESULT": "success", "EXIT_STATUS": "75"}).returncode == 0
    assert not stopping.calls("aws")
    assert not stopping.calls("shutdown")


def test_one_that_was_warned_goes_by_itself_if_it_isnt_taken(tmp_path: Path) -> None:
    warned = job(tmp_path, RUNNING, spot=True)
    assert warned.run("finished.sh", variables={"SERVICE_RESULT": "exit-code", "EXIT_STATUS": "75"}).returncode == 0
    assert not warned.calls("aws")
    assert warned.calls("shutdown") == [["shutdown", "-h", "+10"]]


def test_an_instance_that_cant_begin_says_why_and_ends(tmp_path: Path) -> None:
    instance = job(tmp_path, None)
    assert instance.run("finished.sh", "the job couldn't be started: no such image").returncode == 0
    written = instance.written()
    assert (written["state"], written["failure"]) == ("failed", "the job couldn't be started: no such image")
    assert written["attempt"] == 1
    assert instance.calls("shutdown")


def test_the_first_instance_marks_the_start_and_has_the_whole_time(tmp_path: Path) -> None:
    instance = job(tmp_path, None)
    done = instance.run("training.sh")
    assert done.returncode == 0, done.stderr
    assert (instance.written()["state"], instance.written()["attempt"]) == ("running", 0)
    assert _limit(tmp_path) == pytest.approx(14_400, abs=300)
    assert instance.calls("aws", "s3", "sync")[0][-2] == "s3://b/training/k-1/code"
    assert instance.calls("systemctl", "enable", "--now", "llmstrat-job.service")


def test_a_later_instance_has_what_is_left_of_the_time(tmp_path: Path) -> None:
    started = datetime.now(UTC) - timedelta(hours=3)
    instance = job(tmp_path, RUNNING | {"started": started.strftime("%Y-%m-%dT%H:%M:%SZ")}, spot=True)
    assert instance.run("training.sh").returncode == 0
    assert _limit(tmp_path) == pytest.approx(3600, abs=300)
    [backstop] = instance.calls("shutdown")
    assert int(backstop[-1].lstrip("+")) == pytest.approx(90, abs=5)


def test_no_instance_begins_after_the_time_is_over(tmp_path: Path) -> None:
    instance = job(tmp_path, RUNNING | {"started": "2020-01-01T00:00:00Z"}, spot=True)
    done = instance.run("training.sh")
    assert done.returncode == 1
    assert "max_duration" in done.stderr
    assert not instance.calls("docker")


def _limit(root: Path) -> int:
    text = (root / "etc/systemd/system/llmstrat-job.service.d/limit.conf").read_text()
    return int(text.partition("RuntimeMaxSec=")[2])


def test_the_launcher_is_told_what_it_asks_for(tmp_path: Path) -> None:
    instance = job(tmp_path, RUNNING, spot=True)
    assert instance.run("job.sh").returncode == 0
    [call] = instance.calls("docker", "run")
    given = {call[number + 1] for number, word in enumerate(call) if word == "--env"}
    assert {
        "LLMSTRAT_JOB_URI=s3://b/training/k-1",
        "LLMSTRAT_INSTALL=1",
        "LLMSTRAT_SPOT=1",
        "AWS_REGION=us-east-1",
    } <= given
    assert not any(variable.startswith("LLMSTRAT_TOKEN_SECRET") for variable in given)
    assert call[-2:] == ["-c", f"exec python3 {tmp_path}/opt/llmstrat/job/code/launch.py"]


def test_a_local_disk_that_isnt_mounted_becomes_the_cache(tmp_path: Path) -> None:
    instance = job(tmp_path, None)
    instance.answers |= {"mountpoint": (1, "")}
    assert instance.run("machine.sh").returncode == 0
    assert (tmp_path / "cache").is_dir()
    assert not instance.calls("mdadm"), "there is no instance store on this machine"
    assert instance.calls("docker", "pull")


def test_an_image_in_ecr_is_logged_in_for_in_its_own_region(tmp_path: Path) -> None:
    instance = job(tmp_path, None)
    image = "763104351884.dkr.ecr.eu-central-1.amazonaws.com/vllm:server-cuda-v2.4"
    instance.environment(**JOB | {"LLMSTRAT_IMAGE": image, "LLMSTRAT_CACHE": str(tmp_path / "cache")})
    assert instance.run("machine.sh").returncode == 0
    assert instance.calls("aws", "ecr")[0][-2:] == ["--region", "eu-central-1"]
    [login] = instance.calls("docker", "login")
    assert login[-1] == "763104351884.dkr.ecr.eu-central-1.amazonaws.com"
    assert "--password-stdin" in login
