"""What the acceptance gate says of measurements: which node, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmstrat_iac.cluster.bandwidth import bus_bandwidth, rounds, slow_nodes
from llmstrat_iac.cluster.facts import count_efa, count_gpus, network_of, throughput
from llmstrat_iac.cluster.gate import judge, reason

EXPECTED = {"gpus": 8, "efa": 4, "nodes_gb_s": 35.0, "node_gb_s": 200.0, "storage_gb_s": 1.0}
HOSTS = ("node-1", "node-2", "node-3")


def measured(**changes: dict[str, Any]) -> dict[str, Any]:
    """Three good p4d; `node_2={"gpus": 7}` changes one."""
    good = {"gpus": 8, "efa": 4, "node_gb_s": 230.0, "network": "efa", "write_gb_s": 1.0, "read_gb_s": 1.0}
    nodes = [{"node": place, **good, **changes.get(f"node_{place + 1}", {})} for place in range(3)]
    return {"all_reduce_gb_s": 42.0, "links": [], "nodes": nodes, **changes.get("whole", {})}


def failures(result: dict[str, Any]) -> dict[str, list[str]]:
    return {node["host"]: node["failures"] for node in result["nodes"] if node["failures"]}


def test_a_good_cluster_passes() -> None:
    result = judge(measured(), EXPECTED, HOSTS)
    assert result["passed"]
    assert (result["all_reduce_gb_s"], result["floor_gb_s"], result["read_gb_s"]) == (42.0, 35.0, 3.0)
    assert [node["host"] for node in result["nodes"]] == list(HOSTS)


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ({"gpus": 7}, "has 7 GPUs instead of 8"),
        ({"efa": 3}, "has 3 EFA devices instead of 4"),
        ({"network": "tcp"}, "NCCL fell back to TCP"),
        ({"network": None}, "NCCL doesn't say that it uses EFA"),
        ({"node_gb_s": 120.0}, "its GPUs exchange 120 GB/s, less than 200"),
    ],
)
def test_a_bad_node_is_named_with_its_reason(fact: dict[str, Any], words: str) -> None:
    result = judge(measured(node_2=fact), EXPECTED, HOSTS)
    assert not result["passed"]
    assert failures(result) == {"node-2": [words]}
    assert reason(result) == f"node-2: {words}"


def test_a_node_that_says_nothing_is_named() -> None:
    silent = measured()
    silent["nodes"].pop()
    assert failures(judge(silent, EXPECTED, HOSTS)) == {"node-3": ["reports nothing"]}


def test_a_slow_network_names_the_node_that_all_others_find_slow() -> None:
    links = [(0, 1, 40.0), (1, 0, 2.0), (1, 2, 2.1), (2, 1, 40.0), (2, 0, 40.0), (0, 2, 40.0)]
    result = judge(measured(whole={"all_reduce_gb_s": 3.0, "links": links}), EXPECTED, HOSTS)
    assert failures(result) == {"node-2": ["sends 2.1 GB/s at best, less than 17.5"]}
    assert result["failures"] == ["the nodes exchange 3 GB/s, less than 35"]


def test_if_no_link_is_to_blame_the_slowest_is_shown() -> None:
    links = [(0, 1, 30.0), (1, 0, 31.0), (1, 2, 29.0), (2, 1, 32.0), (2, 0, 30.0), (0, 2, 30.0)]
    result = judge(measured(whole={"all_reduce_gb_s": 30.0, "links": links}), EXPECTED, HOSTS)
    assert failures(result) == {"node-2": ["the slowest link goes from here to node-3: 29 GB/s"]}


def test_between_two_nodes_both_are_named() -> None:
    assert slow_nodes([(0, 1, 1.0), (1, 0, 40.0)], 17.5).keys() == {0, 1}


def test_a_slow_file_system_fails() -> None:
    slow = {"read_gb_s": 0.1}
    result = judge(measured(node_1=slow, node_2=slow, node_3=slow), EXPECTED, HOSTS)
    assert result["failures"] == ["the file system's nodes read 0.3 GB/s together, less than 1"]


def test_bus_bandwidth_is_nccls() -> None:
    # nccl-tests' PERFORMANCE.md: all-reduce moves 2 (n - 1) / n of the data over each rank's link.
    assert bus_bandwidth(8 * 10**9, 16, 0.1) == pytest.approx(150.0)


@pytest.mark.parametrize("nodes", [2, 3, 4, 5, 2000])
def test_all_neighbours_meet_in_at_most_three_rounds(nodes: int) -> None:
    met = rounds(nodes)
    assert len(met) <= 3
    for pairs in met:
        ends = [node for pair in pairs for node in pair]
        assert len(ends) == len(set(ends))
    assert {node for pairs in met for pair in pairs for node in pair} == set(range(nodes))


def test_devices_are_counted_once() -> None:
    # libfabric 2 lists each device for `efa` and for `efa-direct`.
    listed = "".join(
        f"provider: efa\n    fabric: {fabric}\n    domain: rdmap{number}s0-rdm\n"
        for fabric in ("efa", "efa-direct")
        for number in (16, 32, 144, 160)
    )
    assert count_efa(lambda _: listed) == 4
    assert count_gpus(lambda _: "GPU 0: NVIDIA A100 (UUID: a)\nGPU 1: NVIDIA A100 (UUID: b)\n") == 2
    assert count_efa(lambda _: "") == count_gpus(lambda _: "") == 0


@pytest.mark.parametrize(
    ("log", "network"),
    [
        ("node:1:2 [0] NCCL INFO NET/OFI Selected provider is efa, fabric is efa-direct (found 32 nics)", "efa"),
        ("node:1:2 [0] NCCL INFO NET/OFI Selected provider is tcp, fabric is x", "tcp"),
        ("node:1:2 [0] NCCL INFO Using network Socket", "tcp"),
        ("nothing", None),
    ],
)
def test_nccls_log_says_what_it_runs_over(log: str, network: str | None) -> None:
    assert network_of(log) == network


def test_throughput_leaves_nothing_behind(tmp_path: Path) -> None:
    written, read = throughput(tmp_path, 16 * 2**20, 0)
    assert written > 0
    assert read > 0
    assert not list(tmp_path.iterdir())
