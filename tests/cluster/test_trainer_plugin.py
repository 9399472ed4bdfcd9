"""A stranger's trainer under the launcher, torchtitan not in sight: the one of docs/plugins.md, as it stands there."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from cluster_kit import Cluster, write_files
from pretraining_kit import planned, resolve_pretraining
from trainer_plugin_kit import PACKAGE, install_bigram

from llmstrat_iac.pretraining import Trainer

NewCluster = Callable[..., Cluster]
STEPS = 3000


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    install_bigram(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (found,) = import_module(PACKAGE).llmstrat_trainers()
    assert isinstance(found, Trainer)
    return found


def test_it_trains_on_two_nodes_goes_on_with_one_and_leaves_a_model(new_cluster: NewCluster, trainer: Trainer) -> None:
    cluster = new_cluster()
    plan = planned("g6.xlarge", 2, data_replicate=2, activations="keep", checkpoint_steps=100)
    sizes = {"batch_sequences": 4, "sequence_length": 128, "tokens": 4 * 128 * STEPS}
    pretraining = resolve_pretraining(plan, framework=trainer, learning_rate={"peak": 0.9}, **sizes)
    write_files(cluster.root, {"corpus/one.txt": "abc" * 1000})
    cluster.put_trainer_job(pretraining)
    assert not list((cluster.root / "code").rglob("*titan*"))
    cluster.accept("node-1", "node-2")
    first, second = cluster.start("node-1", "node-2")
    cluster.wait_for(cluster.complete_steps)
    second.host.kill()

    assert first.wait() == 0, cluster.logs()
    assert [len(generation["members"]) for generation in cluster.generations()] == [2, 1]
    assert cluster.generations()[1]["resume"] >= 100
    status = cluster.status
    assert (status["state"], status["step"], status["nodes"]) == ("completed", STEPS, 1)
    # Read from what it prints. Nothing follows `a` but `b`: from eight bits there is next to nothing left to learn.
    assert status["loss"] < 0.5
    assert status["tokens_per_second"] > 0
    # Three are kept, by names that are the launcher's in S3, and the trainer's on the node.
    assert len(cluster.complete_steps()) <= 3
    assert cluster.complete_steps()[-1] == STEPS
    assert (first.disk / "checkpoints" / f"iteration_{STEPS:06d}" / "done").exists()
    hub = cluster.bucket / "output" / "hf"
    assert {path.name for path in hub.iterdir()} == {"config.json", "model.safetensors"}
    assert json.loads((hub / "config.json").read_text())["model_type"] == "bigram"
    manifest = cluster.read("output/manifest.json")
    assert (manifest["framework"], manifest["framework_version"], manifest["step"]) == ("bigram", "1.0", STEPS)


def test_all_ranks_save_when_a_node_is_told_to_go(new_cluster: NewCluster, trainer: Trainer) -> None:
    cluster = new_cluster(shared=True)
    plan = planned("g6.xlarge", 2, data_replicate=2, activations="keep", checkpoint_steps=10**6)
    sizes = {"batch_sequences": 4, "sequence_length": 128, "tokens": 4 * 128 * 10**6}
    write_files(cluster.root, {"corpus/one.txt": "abc" * 1000})
    cluster.put_trainer_job(resolve_pretraining(plan, framework=trainer, **sizes))
    cluster.accept("node-1", "node-2")
    nodes = cluster.start("node-1", "node-2")
    cluster.wait_for(lambda: cluster.status.get("step", 0) >= 1)
    for node in nodes:
        node.terminate()

    assert [node.wait() for node in nodes] == [75, 75], cluster.logs()
    assert len(cluster.complete_steps()) == 1
