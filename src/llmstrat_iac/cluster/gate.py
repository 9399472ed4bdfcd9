"""The acceptance gate's judgement: what was measured against what `job.json` expects; names nodes and reasons.

A cluster that fails isn't trained on: an hour of sixty-four p4d costs more than finding the bad cable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .bandwidth import slow_nodes

_NETWORK = "the nodes exchange"
LINK_SHARE = 0.5
"""Of the floor for all nodes together, below which a single link is called slow: one pair doesn't use every path."""


def judge(
    measured: Mapping[str, Any], expected: Mapping[str, Any], hosts: Sequence[str], *, cpu: bool = False
) -> dict[str, Any]:
    """`gate.json`: passed or not, for each node what it has and what is wrong with it, and the figures."""
    nodes = {node["node"]: node for node in measured["nodes"]}
    failures: dict[int, list[str]] = {place: _alone(nodes.get(place), expected, cpu=cpu) for place in range(len(hosts))}
    whole, floor = measured["all_reduce_gb_s"], expected["nodes_gb_s"]
    general = []
    if whole is not None and floor is not None and whole < floor:
        general.append(f"{_NETWORK} {whole:.3g} GB/s, less than {floor:.3g}")
        links = [(source, target, speed) for source, target, speed in measured["links"]]
        for place, words in _blame(links, floor, hosts).items():
            failures[place].append(words)
    total = {way: sum(node.get(f"{way}_gb_s", 0.0) for node in nodes.values()) for way in ("read", "write")}
    least = expected["storage_gb_s"]
    for way, speed in total.items():
        if least is not None and speed < least:
            general.append(f"the file system's nodes {way} {speed:.3g} GB/s together, less than {least:.3g}")
    return {
        "passed": not general and not any(failures.values()),
        "nodes": [
            {
                "host": host,
                "gpus": nodes.get(place, {}).get("gpus"),
                "efa": nodes.get(place, {}).get("efa"),
                "all_reduce_gb_s": nodes.get(place, {}).get("node_gb_s"),
                "failures": failures[place],
            }
            for place, host in enumerate(hosts)
        ],
        "failures": general,
        "all_reduce_gb_s": whole,
        "floor_gb_s": floor,
        "read_gb_s": round(total["read"], 3),
        "write_gb_s": round(total["write"], 3),
    }


def replaceable(result: Mapping[str, Any]) -> dict[str, str]:
    """Hosts without which the rest may be good enough, and what is wrong with each; none if no host is to blame."""
    if any(not words.startswith(_NETWORK) for words in result["failures"]):
        return {}
    return {node["host"]: "; ".join(node["failures"]) for node in result["nodes"] if node["failures"]}


def reason(result: Mapping[str, Any]) -> str:
    """Why it failed, in one text for people: nodes first."""
    named = [f"{node['host']}: {'; '.join(node['failures'])}" for node in result["nodes"] if node["failures"]]
    return ". ".join([*named, *result["failures"]])


def _alone(node: Mapping[str, Any] | None, expected: Mapping[str, Any], *, cpu: bool) -> list[str]:
    """What is wrong with one node, whatever the others do."""
    if node is None:
        return ["reports nothing"]
    found = []
    if not cpu and node["gpus"] != expected["gpus"]:
        found.append(f"has {node['gpus']} GPUs instead of {expected['gpus']}")
    if not cpu and node["efa"] < expected["efa"]:
        found.append(f"has {node['efa']} EFA devices instead of {expected['efa']}")
    if not cpu and expected["efa"] and node.get("network") != "efa":
        how = {"tcp": "fell back to TCP", None: "doesn't say that it uses EFA"}[node.get("network")]
        found.append(f"NCCL {how}")
    speed, floor = node.get("node_gb_s"), expected["node_gb_s"]
    if floor is not None and speed is not None and speed < floor:
        found.append(f"its GPUs exchange {speed:.3g} GB/s, less than {floor:.3g}")
    return found


def _blame(links: list[tuple[int, int, float]], floor: float, hosts: Sequence[str]) -> dict[int, str]:
    """The nodes that are slow whomever they talk to; else the slowest, so that somebody knows where to look."""
    slow = slow_nodes(links, floor * LINK_SHARE)
    if slow or not links:
        return slow
    source, target, speed = min(links, key=lambda link: link[2])
    return {source: f"the slowest link goes from here to {hosts[target]}: {speed:.3g} GB/s"}
