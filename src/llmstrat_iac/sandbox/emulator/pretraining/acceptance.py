"""What the acceptance gate of a cluster without GPUs measures: what was expected, or one slow link, on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmstrat_iac.cluster.gate import judge

SLOW_LINK = "slow-link"
_ABOVE = 1.25
"""Healthy figures are a quarter above their floors."""
_SLOW = 0.1


def gate_result(job: Mapping[str, Any], hosts: Sequence[str], *, slow_link: bool) -> dict[str, Any]:
    """`gate.json`, judged as the launcher judges. The last host is the one whose link is slow; one alone has none."""
    expected = job["gate"]
    several, last = len(hosts) > 1, len(hosts) - 1
    floor = expected["nodes_gb_s"] or 1.0
    share = (expected["storage_gb_s"] or 1.0) * _ABOVE / len(hosts)
    node = {
        "gpus": expected["gpus"], "efa": expected["efa"], "network": "efa" if expected["efa"] else None,
        "node_gb_s": None if expected["node_gb_s"] is None else expected["node_gb_s"] * _ABOVE,
        "read_gb_s": share, "write_gb_s": share,
    }  # fmt: skip
    ring = {(place, (place + 1) % len(hosts)) for place in range(len(hosts))} if several else set()
    links = ring | {(target, source) for source, target in ring}
    measured = {
        "nodes": [{"node": place, **node} for place in range(len(hosts))],
        "all_reduce_gb_s": floor * (_SLOW if slow_link else _ABOVE) if several else None,
        "links": [(*link, floor * (_SLOW if last in link else 1)) for link in sorted(links) if slow_link],
    }
    return judge(measured, expected, hosts)
