"""What ends a job that goes nowhere, before it costs more: a trainer that fails again and again, or stands still."""

from __future__ import annotations

from collections.abc import Callable

from cluster_kit import Cluster

NewCluster = Callable[..., Cluster]


def test_a_trainer_that_fails_each_time_fails_the_job(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    cluster.put_job(nodes=1)
    cluster.accept("node-1")
    (node,) = cluster.start("node-1", TINY_FAILS="node-1", LLMSTRAT_PATIENCE_SECONDS="1")

    assert node.wait() == 1
    assert len(cluster.generations()) == 3
    failure = cluster.status["failure"]
    assert cluster.status["state"] == "failed"
    assert "out of memory, with *** in the message" in failure
    assert "hf_ABCDEFGH" not in failure + node.log


def test_a_trainer_that_stands_still_is_stopped(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    cluster.put_job(nodes=2)
    cluster.accept("node-1", "node-2")
    nodes = cluster.start("node-1", "node-2", TINY_STICKS="1", LLMSTRAT_IDLE_SECONDS="12")

    assert [node.wait() for node in nodes] == [1, 1], cluster.logs()
    assert cluster.status["state"] == "failed"
    assert cluster.status["failure"].startswith("no step for 0.2 minutes")
    assert all(not node.host.pids() for node in nodes)
