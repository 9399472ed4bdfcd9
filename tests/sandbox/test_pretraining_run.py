"""What stands in for the cluster launcher: a shape that loads, the gate's figures, and the job made tiny."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pretraining_job import CONFIG, GATE, PretrainingJob, make_pretraining_job
from sandbox_kit import Clients, eventually

from llmstrat_iac.sandbox.emulator.pretraining.acceptance import gate_result
from llmstrat_iac.sandbox.emulator.pretraining.launchers import tiny_job
from llmstrat_iac.sandbox.emulator.pretraining.tiny_model import tiny_model


@pytest.mark.parametrize("tied", [True, False])
def test_the_model_has_the_tensors_of_its_config(tied: bool) -> None:
    files = tiny_model({**CONFIG, "tie_word_embeddings": tied})
    config, weights = json.loads(files["config.json"]), files["model.safetensors"]
    length = int.from_bytes(weights[:8], "little")
    header: dict[str, Any] = json.loads(weights[8 : 8 + length])
    header.pop("__metadata__")
    assert ("lm_head.weight" in header) is not tied
    assert header["model.embed_tokens.weight"]["shape"] == [config["vocab_size"], config["hidden_size"]]
    assert sum(8 * len(each["shape"]) > 0 for each in header.values()) == len(header)
    assert len(weights) == 8 + length + max(each["data_offsets"][1] for each in header.values())
    assert (config["rope_theta"], config["model_type"]) == (CONFIG["rope_theta"], "llama")


@pytest.mark.parametrize(
    ("hosts", "slow", "blamed"),
    [
        (["a", "b", "c"], False, []),
        (["a", "b", "c"], True, ["c"]),
        (["a", "b"], True, ["a", "b"]),
        (["a"], True, []),
    ],
)
def test_a_slow_link_is_the_last_hosts(hosts: list[str], slow: bool, blamed: list[str]) -> None:
    result = gate_result({"gate": GATE}, hosts, slow_link=slow)
    assert [each["host"] for each in result["nodes"] if each["failures"]] == blamed
    assert result["passed"] is not bool(blamed)


def test_the_tiny_job_needs_no_gpu() -> None:
    job = tiny_job({"gate": GATE, "config": CONFIG, "key": "k", "allowed_nodes": [2, 1], "processes": 8})
    assert (job["processes"], job["key"], job["allowed_nodes"]) == (1, "k", [2, 1])
    assert (job["gate"]["nodes_gb_s"], job["gate"]["storage_gb_s"], job["tokenizer"]) == (0.001, None, None)
    assert job["config"]["hidden_size"] < CONFIG["hidden_size"]  # type: ignore[operator]


@contextmanager
def cluster_at(aws: Clients, job: PretrainingJob, place: str) -> Iterator[Callable[[], list[str]]]:
    """A HyperPod cluster without a network at the job in a place: the shortest way to a run. What its log says."""
    from tuning_kit import role

    name = f"cluster-{secrets.token_hex(4)}"
    root, s3 = place.removeprefix(f"s3://{job.bucket}/"), aws("s3")
    environment = f"export LLMSTRAT_JOB_URI={place}\nexport LLMSTRAT_NODES=1\nexport LLMSTRAT_LOG_GROUP=/{name}\n"
    s3.put_object(Bucket=job.bucket, Key=f"{root}/lifecycle/env", Body=environment.encode())
    s3.put_object(Bucket=job.bucket, Key=f"{root}/lifecycle/run.sh", Body=b"")
    aws("logs").create_log_group(logGroupName=f"/{name}")
    common = {
        "ExecutionRole": role(aws, "sagemaker.amazonaws.com"), "InstanceCount": 1,
        "LifeCycleConfig": {"SourceS3Uri": f"{place}/lifecycle/", "OnInitComplete": "run.sh"},
    }  # fmt: skip
    sagemaker = aws("sagemaker")
    sagemaker.create_cluster(
        ClusterName=name, Orchestrator={"Slurm": {"SlurmConfigStrategy": "Managed"}},
        InstanceGroups=[
            {"InstanceGroupName": group, "InstanceType": kind, "SlurmConfig": {"NodeType": node}, **common}
            for group, kind, node in (("c", "ml.m5.large", "Controller"), ("w", "ml.p4d.24xlarge", "Compute"))
        ],
    )  # fmt: skip
    # Nothing is trained before somebody has seen this.
    assert eventually(lambda: sagemaker.describe_cluster(ClusterName=name)["ClusterStatus"] == "InService")
    yield lambda: [event["message"] for event in aws("logs").filter_log_events(logGroupName=f"/{name}")["events"]]
    sagemaker.delete_cluster(ClusterName=name)


def test_a_new_attempt_goes_on_from_an_earlier_ones_checkpoint(aws: Clients) -> None:
    first = make_pretraining_job(aws)
    first.write("checkpoints/step-750/complete.json", json.dumps({"step": 750, "nodes": 2, "files": {}}))
    place = first.uri.removesuffix("-1") + "-2"
    root = f"pretraining/{first.key.removesuffix('-1')}-2"
    aws("s3").put_object(Bucket=first.bucket, Key=f"{root}/code/job.json", Body=first.content("code/job.json"))
    with cluster_at(aws, first, place) as lines:
        assert eventually(lambda: any("completed after" in line for line in lines()))
        assert "launch: generation 1 of 1 nodes goes on from step 750" in lines()


def test_a_gate_alone_is_completed_without_a_model(aws: Clients) -> None:
    job = make_pretraining_job(aws, nodes=1)
    job.write("code/job.json", json.dumps({**json.loads(job.content("code/job.json")), "gate_only": True}))
    with cluster_at(aws, job, job.uri):
        assert eventually(lambda: job.state == "completed")
    status = job.read("status.json")
    assert (status["gate_only"], status["step"], status["total_steps"]) == (True, 0, 0)
    assert status["metrics"]["read_gb_s"] > 0
    assert job.read("gate.json")["passed"] is True
    assert not [name for name in job.names() if name.startswith(("output/", "checkpoints/"))]
