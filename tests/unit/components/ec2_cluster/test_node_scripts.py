"""The scripts of a cluster's node, run for real: how it starts, and when it stops itself or all of them."""

from __future__ import annotations

import base64
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ec2_cluster_kit import TEMPLATE, clustered
from instance_kit import NODE, Instance

STATUS = "aws s3 cp s3://b/pretraining/k-1/status.json -"
RUNNING = {"state": "running", "started": "2026-11-24T10:00:00Z", "attempt": 1, "step": 40, "total_steps": 100}
STOP = ["--min-size", "0", "--max-size", "0", "--desired-capacity", "0"]


def node(
    tmp_path: Path,
    status: dict[str, Any] | None,
    *,
    started: timedelta = timedelta(hours=1),
    answers: dict[str, tuple[int, str]] | None = None,
    **variables: str,
) -> Instance:
    """A node of a job that somebody began so long ago."""
    if status is not None:
        status = status | {"started": (datetime.now(UTC) - started).isoformat()}
    known = {STATUS: (0, json.dumps(status)) if status is not None else (1, "")}
    instance = Instance(tmp_path, known | (answers or {}))
    instance.environment(**NODE | {"LLMSTRAT_CACHE": str(tmp_path / "cache")} | variables)
    instance.metadata(instance_id="i-1")
    return instance


def stopped(instance: Instance) -> bool:
    """Whether all nodes were."""
    calls = instance.calls("aws", "autoscaling", "update-auto-scaling-group")
    assert all(call[3:] == ["--auto-scaling-group-name", "group", *STOP] for call in calls)
    return bool(calls)


def test_a_node_starts_the_launcher_and_whoever_watches_it(tmp_path: Path) -> None:
    instance = node(tmp_path, RUNNING)
    done = instance.run("cluster.sh")
    assert done.returncode == 0, done.stderr
    [first] = instance.calls("aws", "s3api", "put-object")
    assert first[first.index("--if-none-match") + 1] == "*", "only the first of all nodes writes the job's start"
    assert first[first.index("--key") + 1] == "pretraining/k-1/status.json"
    assert instance.calls("docker", "pull")
    assert ["s3://b/pretraining/k-1/code", f"{tmp_path}/cache/job/code"] == instance.calls("aws", "s3", "sync")[0][-2:]
    [enabled] = instance.calls("systemctl", "enable")
    assert enabled[-2:] == ["llmstrat-node.service", "llmstrat-watch.timer"]
    assert instance.calls("shutdown") == [["shutdown", "-h", "+300"]]
    assert not stopped(instance)


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_a_node_that_comes_after_the_end_stops_the_cluster(state: str, tmp_path: Path) -> None:
    instance = node(tmp_path, RUNNING | {"state": state})
    assert instance.run("cluster.sh").returncode == 0
    assert stopped(instance)
    assert not instance.calls("docker")
    assert not instance.calls("aws", "s3", "cp", "--content-type"), "what the launcher wrote stays"


def test_a_node_that_comes_when_the_time_is_over_settles_the_job(tmp_path: Path) -> None:
    instance = node(tmp_path, RUNNING, started=timedelta(hours=5))
    assert instance.run("cluster.sh").returncode == 0
    assert stopped(instance)
    written = instance.written()
    assert (written["state"], written["step"]) == ("failed", 40)
    assert written["failure"] == "stopped: the job's time (max_duration) is over"


def test_the_launcher_has_the_devices_the_files_and_the_hosts_network(tmp_path: Path) -> None:
    instance = node(tmp_path, RUNNING, answers={"mountpoint": (1, "")})
    done = instance.run("node.sh")
    assert done.returncode == 0, done.stderr
    [mount] = instance.calls("mount", "-t", "lustre")
    assert mount[-2:] == [NODE["LLMSTRAT_FILE_SYSTEM"], f"{tmp_path}/fsx"]
    [call] = instance.calls("docker", "run")
    assert {"--network=host", "--device=/dev/infiniband", "--gpus", "--ipc=host"} <= set(call)
    assert f"LLMSTRAT_SHARED={tmp_path}/fsx" in call or "LLMSTRAT_SHARED=/fsx" in call
    assert "LLMSTRAT_JOB_URI=s3://b/pretraining/k-1" in call
    assert "awslogs-stream=k-1/i-1" in call
    assert not any(word.startswith("LLMSTRAT_TOKEN_SECRET") for word in call), "an empty one would be asked for"
    assert call[-1] == "exec python3 /opt/llmstrat/job/code/cluster_launch.py".replace("/opt", f"{tmp_path}/opt")


def test_without_efa_and_file_system_neither_is_asked_for(tmp_path: Path) -> None:
    instance = node(
        tmp_path, RUNNING, LLMSTRAT_EFA="0", LLMSTRAT_FILE_SYSTEM="", LLMSTRAT_SHARED="", LLMSTRAT_CORPUS=""
    )
    assert instance.run("node.sh").returncode == 0
    [call] = instance.calls("docker", "run")
    assert "--device=/dev/infiniband" not in call
    assert not instance.calls("mount")


def test_a_file_system_that_cant_be_mounted_fails_the_start(tmp_path: Path) -> None:
    instance = node(tmp_path, RUNNING, answers={"mountpoint": (1, ""), "mount": (1, "")})
    (tmp_path / "bin" / "sleep").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "bin" / "sleep").chmod(0o755)
    done = instance.run("lustre.sh")
    assert done.returncode == 1
    assert "can't be mounted" in done.stderr
    assert len(instance.calls("mount")) == 5


def test_lustres_client_comes_from_its_own_source_alone(tmp_path: Path) -> None:
    """The security group lets HTTPS out and nothing else: Ubuntu's sources, on port 80, would be waited for."""
    instance = node(tmp_path, RUNNING, answers={"modprobe": (1, ""), "lsb_release": (0, "noble")})
    done = instance.run("lustre.sh")
    assert done.returncode == 1, done.stderr
    [update] = instance.calls("apt-get", "-qq", "update")
    list_of_one = f"{tmp_path}/etc/apt/sources.list.d/fsxlustreclientrepo.list"
    assert {f"Dir::Etc::sourcelist={list_of_one}", "Dir::Etc::sourceparts=-"} <= set(update)
    assert " https://fsx-lustre-client-repo.s3.amazonaws.com/ubuntu noble main" in Path(list_of_one).read_text()
    assert len(instance.calls("apt-get", "-qq", "install")) == 1


@pytest.mark.parametrize(
    ("status", "exit_status", "stops", "written"),
    [
        ({"state": "completed"}, "0", True, None),
        ({}, "0", False, None),
        ({}, "75", False, None),
        ({}, "139", False, None),
        ({}, "1", True, "the launcher ended with status 1 on i-1"),
        ({"state": "failed"}, "1", True, None),
    ],
    ids=["completed", "others-go-on", "interrupted", "crash", "failed-silently", "failed"],
)
def test_what_a_launchers_end_means(
    status: dict[str, Any], exit_status: str, stops: bool, written: str | None, tmp_path: Path
) -> None:
    instance = node(tmp_path, RUNNING | status, answers={"systemctl is-system-running": (0, "running")})
    done = instance.run("node_ended.sh", variables={"EXIT_STATUS": exit_status})
    assert done.returncode == 0, done.stderr
    assert stopped(instance) is stops
    if written is None:
        assert not instance.calls("aws", "s3", "cp", "--content-type")
    else:
        assert instance.written()["failure"] == written


def test_a_node_that_the_gate_refuses_is_replaced(tmp_path: Path) -> None:
    answers = {"systemctl is-system-running": (0, "running"), "aws logs describe-log-streams": (0, "1")}
    instance = node(tmp_path, RUNNING, answers=answers)
    assert instance.run("node_ended.sh", variables={"EXIT_STATUS": "76"}).returncode == 0
    assert not stopped(instance)
    assert instance.calls("aws", "autoscaling", "set-instance-health")


def test_a_node_that_is_taken_away_decides_nothing(tmp_path: Path) -> None:
    instance = node(tmp_path, RUNNING, answers={"systemctl is-system-running": (0, "stopping")})
    assert instance.run("node_ended.sh", variables={"EXIT_STATUS": "1"}).returncode == 0
    assert not stopped(instance)


def failed(tmp_path: Path, failures: str, **variables: str) -> Instance:
    instance = node(tmp_path, RUNNING, answers={"aws logs describe-log-streams": (0, failures)}, **variables)
    done = instance.run("node_failed.sh", "no GPU")
    assert done.returncode == 0, done.stderr
    return instance


def test_a_node_that_fails_is_replaced_once(tmp_path: Path) -> None:
    instance = failed(tmp_path, "1")
    [call] = instance.calls("aws", "autoscaling", "set-instance-health")
    assert call[call.index("--health-status") + 1] == "Unhealthy"
    assert instance.run("node_failed.sh", "no GPU").returncode == 0
    assert len(instance.calls("aws", "autoscaling", "set-instance-health")) == 1
    [event] = instance.calls("aws", "logs", "put-log-events")
    assert "no GPU" in event[-1]


def test_nodes_that_fail_again_and_again_stop_the_cluster(tmp_path: Path) -> None:
    instance = failed(tmp_path, "3")
    assert stopped(instance)
    assert instance.written()["failure"] == "nodes fail again and again, the last one so: no GPU"
    assert not instance.calls("aws", "autoscaling", "set-instance-health")


def test_a_large_cluster_bears_more_failures_over_several_pages(tmp_path: Path) -> None:
    assert not stopped(failed(tmp_path, "50\n50", LLMSTRAT_NODES="2000"))


@pytest.mark.parametrize(("age", "idle"), [(4000, False), (5000, True)])
def test_no_step_for_too_long_stops_the_cluster(age: int, idle: bool, tmp_path: Path) -> None:
    instance = node(tmp_path, RUNNING)
    assert instance.run("watch.sh").returncode == 1, "the first look only remembers"
    seen = tmp_path / "var" / "lib" / "llmstrat-step"
    os.utime(seen, (time.time() - age, time.time() - age))
    assert instance.run("watch.sh").returncode == (0 if idle else 1)
    assert stopped(instance) is idle
    if idle:
        assert instance.written()["failure"] == "stopped: no new step in 60 minutes (idle_minutes)"


def test_a_new_step_is_no_standstill(tmp_path: Path) -> None:
    instance = node(tmp_path, RUNNING)
    instance.run("watch.sh")
    seen = tmp_path / "var" / "lib" / "llmstrat-step"
    os.utime(seen, (0, 0))
    instance.answers[STATUS] = (0, json.dumps(RUNNING | {"step": 41, "started": datetime.now(UTC).isoformat()}))
    assert instance.run("watch.sh").returncode == 1
    assert not stopped(instance)


def test_a_status_that_cant_be_read_stops_nothing(tmp_path: Path) -> None:
    instance = node(tmp_path, None)
    assert instance.run("watch.sh").returncode == 1
    assert instance.run("over.sh").returncode == 1
    assert not stopped(instance)


def test_the_user_data_is_as_ec2_takes_it(tmp_path: Path) -> None:
    raw = base64.b64decode(clustered(tmp_path).one(TEMPLATE).inputs["userData"])
    assert len(raw) <= 16_384
    text = raw.decode()
    assert "cat >/opt/llmstrat/job_status.py" in text
    assert "cat >/etc/systemd/system/llmstrat-watch.timer" in text
    assert text.rstrip().endswith("fi")
