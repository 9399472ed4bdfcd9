"""Several hosts train as one; nodes are lost, replaced and told to go; the model is what it would have been."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cluster_kit import Cluster

NewCluster = Callable[..., Cluster]
Undisturbed = Callable[[int], dict[str, list[float]]]


def _same(weights: dict[str, list[float]], others: dict[str, list[float]]) -> bool:
    return weights.keys() == others.keys() and all(
        weights[name] == pytest.approx(others[name], abs=1e-8) for name in weights
    )


def test_a_lost_first_node_is_done_without_and_then_replaced(new_cluster: NewCluster, undisturbed: Undisturbed) -> None:
    cluster = new_cluster()
    cluster.put_job(nodes=3, steps=150, pause=0.1)
    first, second, third = cluster.start("node-1", "node-2", "node-3")
    cluster.wait_for(cluster.complete_steps)
    assert cluster.hosts(0) == {"node-1", "node-2", "node-3"}
    assert cluster.read("gate.json")["passed"]

    # It has rank 0, torchrun's rendezvous, and the word to the outside.
    first.host.kill()
    cluster.wait_for(lambda: len(cluster.generations()) > 1)
    resumed = cluster.generations()[1]
    assert cluster.hosts(1) == {"node-2", "node-3"}
    assert resumed["resume"] in cluster.complete_steps()
    cluster.wait_for(lambda: cluster.status["nodes"] == 2 and cluster.status["step"] > resumed["resume"])

    (fourth,) = cluster.start("node-4")
    cluster.wait_for(lambda: len(cluster.generations()) > 2)
    assert cluster.hosts(2) == {"node-2", "node-3", "node-4"}
    assert cluster.generations()[2]["resume"] > resumed["resume"]

    assert [node.wait() for node in (second, third, fourth)] == [0, 0, 0], cluster.logs()
    assert cluster.status["state"] == "completed"
    assert (cluster.status["step"], cluster.status["nodes"], cluster.status["attempt"]) == (150, 3, 3), cluster.logs()
    assert _same(cluster.weights(), undisturbed(150))
    # `keep` is 3, and what is kept is whole.
    assert len(cluster.complete_steps()) <= 3
    assert cluster.complete_steps()[-1] == 150


def test_a_node_that_is_told_to_go_saves_first(new_cluster: NewCluster, undisturbed: Undisturbed) -> None:
    cluster = new_cluster(shared=True)
    cluster.put_job(nodes=2, steps=100, pause=0.1)
    cluster.accept("node-1", "node-2")
    first, second = cluster.start("node-1", "node-2")
    cluster.wait_for(lambda: cluster.status.get("step", 0) >= 1)
    second.terminate()

    assert second.wait() == 75
    saved = cluster.complete_steps()[-1]
    cluster.wait_for(lambda: len(cluster.generations()) > 1)
    assert cluster.generations()[1]["resume"] == saved
    assert cluster.hosts(1) == {"node-1"}
    assert first.wait() == 0, cluster.logs()
    assert _same(cluster.weights(), undisturbed(100))
