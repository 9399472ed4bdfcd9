"""One row for each served type: inputs, an in-place change, a change that replaces, and boto3's word on its existence.

Rows are made in order, and later ones may use earlier ones. `test_fidelity.py` puts each through create, refresh,
no-op, update, replace and destroy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_case import Case
from cases_cluster import CLUSTER
from cases_compute import COMPUTE
from cases_data import DATA
from cases_gateway import GATEWAY
from cases_iam import IAM, LAMBDA
from cases_network import NETWORK
from cases_serving import SERVING
from cases_tuning import TUNING, prerequisites
from cases_watch import WATCH


def _extra(name: str, like: Case) -> Case:
    """A second one of a type, for others to live in or move to.

    Nothing may move away from what is deleted before it's replaced, in the same update: the engine (3.259) then races
    with itself and writes a broken snapshot.
    """
    return Case(name, like.token, like.inputs, None, None, like.exists)


def _ordered() -> tuple[Case, ...]:
    by_name = {case.name: case for case in (*IAM, *LAMBDA, *GATEWAY, *DATA, *WATCH)}
    method = Case(
        "mock-method", by_name["method"].token,
        lambda m: {
            "rest_api": m["api"].id, "resource_id": m["api"].root_resource_id, "http_method": "GET",
            "authorization": "NONE",
        },
        None, None, by_name["method"].exists,
    )  # fmt: skip
    pairs = {
        "other-policy": "policy", "other-role": "role", "other-api": "api", "policed-api": "api",
        "other-bucket": "bucket", "home-bucket": "bucket", "other-kms-key": "kms-key", "other-topic": "topic",
        "other-vpc-link": "vpc-link",
    }  # fmt: skip
    other_key = Case("other-key", by_name["key"].token, lambda m: {"enabled": True}, None, None, by_name["key"].exists)
    first = [_extra(name, by_name[like]) for name, like in pairs.items()]
    late = {"attachment", "integration", "mock"}
    cases = [*first, other_key, *IAM, *(c for c in WATCH if c.name == "logs"), *LAMBDA]
    for case in GATEWAY:
        cases += [method, case] if case.name == "mock" else [case]
    assert late <= {case.name for case in cases}
    cases += sorted(DATA, key=lambda case: case.name != "kms-key")
    cases += sorted((c for c in WATCH if c.name != "logs"), key=lambda case: case.name != "topic")
    blob = next(case for case in DATA if case.token.endswith(":BucketObjectv2"))
    return (*cases, *prerequisites(by_name["role"], blob), *TUNING, *SERVING, *NETWORK, *COMPUTE, *CLUSTER)


CASES = _ordered()


def program(*, changed: bool = False, replaced: bool = False) -> Callable[[], None]:
    """A program with every case in it."""

    def run() -> None:
        made: dict[str, Any] = {}
        for case in CASES:
            made[case.name] = case.make(made, changed=changed, replaced=replaced)

    return run
