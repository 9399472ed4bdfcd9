"""What HyperPod's nodes run: the job is submitted once, by the controller, and the cluster goes when it is over."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from hyperpod_kit import NODE, URI, Node
from test_ec2_scripts import shellcheck

from llmstrat_iac.components.hyperpod.lifecycle import FILES, render_lifecycle

FOLDER = files("llmstrat_iac.components.hyperpod").joinpath("scripts")
SCRIPTS = sorted(each.name for each in FOLDER.iterdir() if each.name.endswith(".sh"))
STATUS = f"aws s3 cp {URI}/status.json -"
RUNNING = {"state": "running", "started": "2999-01-01T00:00:00Z", "attempt": 1, "step": 40, "total_steps": 100}
TWO = "ip-10-64-0-4\nip-10-64-0-5\n"


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_is_clean_and_stops_at_the_first_error(name: str) -> None:
    text = FOLDER.joinpath(name).read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n#")
    assert "\nset -euo pipefail\n" in text
    assert "set -x" not in text
    assert shellcheck(text) == ""


def test_all_files_go_to_the_nodes_with_values_that_the_shell_takes_as_they_are() -> None:
    rendered = render_lifecycle({"LLMSTRAT_IMAGE": "it's $(false)"})
    assert set(rendered) == set(FILES)
    assert set(SCRIPTS) <= set(rendered)
    script = f'{rendered["env"]}printf %s "$LLMSTRAT_IMAGE"'
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)
    assert done.stdout == "it's $(false)"


def status(state: str) -> tuple[int, str]:
    return 0, json.dumps(RUNNING | {"state": state, "failure": None})


def settled(node: Node) -> dict[str, object]:
    return node.written()


def deleted(node: Node) -> list[list[str]]:
    return node.calls("aws", "sagemaker", "delete-cluster")


def test_the_job_is_submitted_when_all_nodes_are_there(tmp_path: Path) -> None:
    node = Node(tmp_path, {"squeue": (0, ""), "aws s3 cp": status("running")})
    node.successive("sinfo", "", "ip-10-64-0-4\n", TWO)
    node.successive("squeue", "", "PENDING\n", "RUNNING\n", "")
    done = node.run("submit.sh")
    assert done.returncode == 0, done.stderr
    (submitted,) = node.calls("sbatch")
    assert node.ran("sinfo") == 3, "nodes come one after the other"
    assert submitted[submitted.index("--job-name") + 1] == "k-1"
    assert submitted[submitted.index("--partition") + 1] == "train"
    assert "--export=ALL" in submitted
    assert submitted[-1] == f"{tmp_path}/opt/llmstrat/job/code/job.sbatch"


def test_a_controller_that_starts_again_submits_nothing_twice(tmp_path: Path) -> None:
    node = Node(tmp_path, {"aws s3 cp": status("running"), "sinfo": (0, TWO)})
    node.successive("squeue", "RUNNING\n", "RUNNING\n", "")
    assert node.run("submit.sh").returncode == 0
    assert not node.calls("sbatch"), "Slurm knows the job"


def test_a_job_that_slurm_has_lost_isnt_submitted_anew_but_has_failed(tmp_path: Path) -> None:
    node = Node(tmp_path, {"aws s3 cp": status("running"), "squeue": (0, ""), "sinfo": (0, TWO)})
    (tmp_path / "var/lib/llmstrat-submitted").touch()
    assert node.run("submit.sh").returncode == 0
    assert not node.calls("sbatch")
    assert settled(node)["failure"] == "the job has left Slurm's queue without a result"
    assert len(deleted(node)) == 1


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_a_job_that_is_over_takes_the_cluster_with_it(tmp_path: Path, state: str) -> None:
    node = Node(tmp_path, {"aws s3 cp": status(state), "squeue": (0, "")})
    assert node.run("submit.sh").returncode == 0
    assert not node.calls("sbatch")
    assert deleted(node) == [["aws", "sagemaker", "delete-cluster", "--cluster-name", "tiny-dev-hyperpod-k-1"]]
    assert not (tmp_path / "written.json").exists(), "the launcher has written its result"


def test_a_cluster_that_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    node = Node(tmp_path, {"aws s3 cp": status("completed"), "squeue": (0, "")})
    node.environment(**NODE | {"LLMSTRAT_DELETE": "0"})
    assert node.run("submit.sh").returncode == 0
    assert not deleted(node)


def test_a_deletion_that_fails_is_tried_again(tmp_path: Path) -> None:
    """systemd starts the service anew when it fails."""
    node = Node(tmp_path, {"aws s3 cp": status("completed"), "aws sagemaker": (254, ""), "squeue": (0, "")})
    assert node.run("submit.sh").returncode != 0
    assert "Restart=on-failure" in FOLDER.joinpath("llmstrat-submit.service").read_text()


def test_the_jobs_time_ends_it_with_a_word(tmp_path: Path) -> None:
    late = json.dumps(RUNNING | {"started": "2020-01-01T00:00:00Z"})
    node = Node(tmp_path, {"aws s3 cp": (0, late), "squeue": (0, "RUNNING")})
    assert node.run("submit.sh").returncode == 0
    assert node.calls("scancel")
    assert settled(node)["failure"] == "stopped: the job's time (max_duration) is over"
    assert len(deleted(node)) == 1


def old_step(node: Node) -> Path:
    seen = node.root / "var/lib/llmstrat-step"
    seen.write_text("40\n")
    os.utime(seen, (1, 1))
    return seen


def test_nodes_that_wait_for_each_other_dont_bill_on(tmp_path: Path) -> None:
    node = Node(tmp_path, {"aws s3 cp": status("running"), "squeue": (0, "RUNNING")})
    old_step(node)
    assert node.run("submit.sh").returncode == 0
    assert settled(node)["failure"] == "stopped: no new step in 120 minutes (idle_minutes)"
    assert len(deleted(node)) == 1


def test_the_clock_stands_still_while_the_job_waits_for_a_node(tmp_path: Path) -> None:
    node = Node(tmp_path, {"aws s3 cp": status("running")})
    seen = old_step(node)
    node.successive("squeue", "PENDING\n", "PENDING\n", "")
    assert node.run("submit.sh").returncode == 0
    assert seen.stat().st_mtime > 1
    assert "queue" in str(settled(node)["failure"]), "not for idleness"


def begin(node: Node, script: str) -> subprocess.CompletedProcess[str]:
    """Run an entry as HyperPod does: in the folder that it has copied from S3, without the right to execute."""
    for name in ("env", "job_status.py", "machine.sh"):
        source = node.root / ("etc/llmstrat/env" if name == "env" else f"opt/llmstrat/{name}")
        (node.root / "scripts" / name).write_text(source.read_text())
    for copied in (node.root / "scripts").iterdir():
        copied.chmod(0o644)
    (node.root / "etc/systemd/system").mkdir(parents=True, exist_ok=True)
    (node.root / "answers.json").write_text(json.dumps(node.answers))
    return subprocess.run(
        ["bash", node.root / "scripts" / script],
        env={"PATH": f"{node.root / 'bin'}:{os.environ['PATH']}", "FAKE_ROOT": str(node.root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_controller_begins_without_waiting_for_the_workers(tmp_path: Path) -> None:
    node = Node(tmp_path)
    done = begin(node, "controller.sh")
    assert done.returncode == 0, done.stderr
    assert ["systemctl", "enable", "--now", "--no-block", "llmstrat-submit.service"] in node.calls("systemctl")
    assert node.calls("aws", "s3", "sync")[0][-2:] == [f"{URI}/code", f"{tmp_path}/opt/llmstrat/job/code"]
    assert (tmp_path / "etc/systemd/system/llmstrat-submit.service").exists()
    assert os.access(tmp_path / "opt/llmstrat/submit.sh", os.X_OK)


@pytest.mark.parametrize("mounted", [True, False])
def test_a_worker_without_the_file_system_is_no_worker(tmp_path: Path, mounted: bool) -> None:
    node = Node(tmp_path, {} if mounted else {"mountpoint -q /fsx": (1, "")})
    node.environment(**NODE | {"LLMSTRAT_SHARED": "/fsx", "LLMSTRAT_CACHE": str(tmp_path / "cache")})
    done = begin(node, "worker.sh")
    assert (done.returncode == 0) is mounted, done.stderr
    assert bool(node.calls("docker", "pull")) is mounted
    if not mounted:
        assert "isn't mounted at /fsx" in done.stderr


def test_the_launcher_runs_in_the_container_and_knows_who_it_is(tmp_path: Path) -> None:
    answers = {
        "scontrol show node": (0, "NodeName=ip-10-64-0-4 Arch=x86_64 NodeAddr=10.64.0.4 NodeHostName=x"),
        "getent ahostsv4 10.64.0.4": (0, "10.64.0.4 STREAM\n10.64.0.4 DGRAM"),
    }
    node = Node(tmp_path, answers)
    node.environment(
        **NODE | {"LLMSTRAT_SHARED": "/fsx", "LLMSTRAT_CORPUS": "/fsx/corpus", "LLMSTRAT_CACHE": "/opt/dlami/nvme/c"}
    )
    variables = {"SLURMD_NODENAME": "ip-10-64-0-4", "SLURM_JOB_NODELIST": "ip-10-64-0-[4-5]"}
    done = node.run("python.sh", "/opt/llmstrat/job/code/cluster_launch.py", variables=variables)
    assert done.returncode == 0, done.stderr
    (call,) = node.calls("docker", "run")
    given = {call[number + 1] for number, word in enumerate(call) if word == "--env"}
    assert {
        "LLMSTRAT_HOST=ip-10-64-0-4",
        "LLMSTRAT_ADDRESS=10.64.0.4",
        f"LLMSTRAT_JOB_URI={URI}",
        "LLMSTRAT_CORPUS=/fsx/corpus",
        "LLMSTRAT_SHARED=/fsx",
        "LLMSTRAT_INSTALL=1",
    } <= given
    assert not [each for each in given if each.startswith("SLURM")], "there is no `scontrol` in the container"
    assert "--device=/dev/infiniband" in call
    assert call[-4:] == ["--entrypoint", "python3", "image:1", "/opt/llmstrat/job/code/cluster_launch.py"]
    assert node.calls("docker", "rm")
