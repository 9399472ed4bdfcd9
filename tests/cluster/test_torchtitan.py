"""torchtitan itself: its parser takes what is rendered, and it trains under the launcher on nodes that get fewer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster_kit import HERE, PYTHON, Cluster, write_files
from pretraining_kit import KEY, planned, resolve_pretraining

from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.cluster_files import render_cluster_job

NewCluster = Callable[..., Cluster]

RUNS: tuple[tuple[ResolvedPretraining, dict[str, Any]], ...] = (
    (
        resolve_pretraining(),
        {"steps": 1000, "local_batch_size": 1, "activations": "SelectiveAC", "shard": -1, "learning_rate": 3e-4},
    ),
    (
        resolve_pretraining(
            planned(nodes=8, micro_batch=2, pipeline=4, tensor=2, activations="full"),
            shape={"layers": 8, "tied_embeddings": True},
            compile=False,
            learning_rate={"peak": 1e-3, "warmup_steps": 50, "schedule": "linear"},
            options={"comm": {"train_timeout_seconds": 600}},
        ),
        {
            "pipeline": 4,
            "tensor": 2,
            "local_batch_size": 64,
            "disable_cuda_graphs": True,
            "activations": "FullAC",
            "compile": False,
            "learning_rate": 1e-3,
            "warmup_steps": 50,
            "decay_type": "linear",
            "timeout": 600,
        },
    ),
    (
        resolve_pretraining(
            planned(activations="keep", data_replicate=4),
            shape={"head_dim": 32},
            checkpoints={"enabled": False, "keep": 1},
        ),
        {"activations": "NoneType", "checkpoint": [True, 10**9, 2, "async"], "schedule": ["1F1B", None, None]},
    ),
    (
        resolve_pretraining(planned(nodes=8, pipeline=2, interleaved=4), shape={"layers": 14}),
        # Two layers a stage make eight stages, embedding and output layer counted as a layer each.
        {"pipeline": 2, "schedule": ["Interleaved1F1B", 2, 8]},
    ),
)


def test_its_parser_takes_every_rendering(tmp_path: Path) -> None:
    jobs = []
    for number, (pretraining, _) in enumerate(RUNS):
        folder = tmp_path / str(number)
        files = render_cluster_job(pretraining, KEY)
        write_files(folder, {**files, "corpus/one.jsonl": '{"text": "one"}\n'})
        jobs.append([str(folder), json.loads(files["job.json"])["trainer"]["arguments"]])
    done = subprocess.run(
        [PYTHON, str(HERE / "parse_titan.py")],
        input=json.dumps(jobs),
        env={"PYTHONPATH": str(tmp_path / "0"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for (pretraining, expected), found in zip(RUNS, json.loads(done.stdout.splitlines()[-1]), strict=True):
        assert {name: found[name] for name in expected} == expected
        assert found["parameters"] == pretraining.architecture.counted_parameters


def test_it_trains_on_two_nodes_goes_on_with_one_and_leaves_a_model(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    subprocess.run([PYTHON, str(HERE / "make_tokenizer.py"), str(cluster.root / "tokenizer")], check=True)
    for number in range(4):
        texts = [{"text": f"document {number} of {line}: " + "a corpus of text, " * 5} for line in range(200)]
        write_files(cluster.root, {f"corpus/{number}.jsonl": "".join(json.dumps(text) + "\n" for text in texts)})
    cluster.put_titan_job(steps=160, every=20)
    cluster.accept("node-1", "node-2")
    first, second = cluster.start("node-1", "node-2")
    cluster.wait_for(cluster.complete_steps)
    begun = cluster.status["loss"]
    second.host.kill()

    assert first.wait() == 0, cluster.logs()
    assert [len(generation["members"]) for generation in cluster.generations()] == [2, 1]
    assert cluster.generations()[1]["resume"] >= 20
    assert (cluster.status["state"], cluster.status["step"]) == ("completed", 160)
    assert cluster.status["loss"] < begun
    assert cluster.status["tokens_per_second"] > 0
    hub = cluster.bucket / "output" / "hf"
    index = json.loads((hub / "model.safetensors.index.json").read_text())
    # Two layers of nine tensors, embeddings, output layer and the last norm.
    assert len(index["weight_map"]) == 2 * 9 + 3
    assert {path.name for path in hub.iterdir()} == {
        "config.json",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer_config.json",
        *index["weight_map"].values(),
    }
    assert cluster.read("output/manifest.json")["step"] == 160
