"""The gate on real links: a good one passes, a throttled one fails before training, and the slow node is named."""

from __future__ import annotations

from collections.abc import Callable

from cluster_kit import Cluster

NewCluster = Callable[..., Cluster]


def test_a_throttled_link_stops_the_job_and_is_named(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    cluster.put_job(nodes=3, floor=0.02)
    nodes = cluster.start("node-1", "node-2", "node-3")
    nodes[1].host.throttle("20mbit")

    assert [node.wait() for node in nodes] == [1, 1, 1], cluster.logs()
    gate = cluster.read("gate.json")
    assert not gate["passed"]
    assert gate["all_reduce_gb_s"] < gate["floor_gb_s"] == 0.02
    bad = {node["host"]: node["failures"] for node in gate["nodes"] if node["failures"]}
    assert bad.keys() == {"node-2"}
    assert "sends" in bad["node-2"][0]
    assert cluster.status["state"] == "failed"
    assert "node-2" in cluster.status["failure"]
    assert cluster.status["step"] == 0
    assert not cluster.complete_steps()


def test_accepting_alone_trains_nothing(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    cluster.put_job(nodes=2, floor=0.02, gate_only=True)
    nodes = cluster.start("node-1", "node-2")

    assert [node.wait() for node in nodes] == [0, 0], cluster.logs()
    gate = cluster.read("gate.json")
    assert gate["passed"]
    assert gate["all_reduce_gb_s"] > gate["floor_gb_s"]
    assert gate["read_gb_s"] > 0
    assert (cluster.status["state"], cluster.status["gate_only"]) == ("completed", True)
    assert cluster.status["metrics"]["all_reduce_gb_s"] == gate["all_reduce_gb_s"]
    assert not cluster.complete_steps()
