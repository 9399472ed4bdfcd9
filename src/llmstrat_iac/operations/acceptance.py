"""Reads what the acceptance gate of a deployed cluster found, and says in the spec whether it is to run alone.

It runs before each training, and stops it if it must; alone, it is the stack's whole job.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmstrat_iac.engine.results import Snapshot
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.operations.jobs_in_state import settled
from llmstrat_iac.operations.spec_file import edit_spec, replace_spec
from llmstrat_iac.operations.tuning import known_identity
from llmstrat_iac.plan import Plan
from llmstrat_iac.tuning.identity import makes_model

_PAUSE_SECONDS = 5.0


def gate_result(snapshot: Snapshot, session: AwsSession) -> dict[str, Any] | None:
    """The gate's own record of the job that the last `up` started; None if it isn't through yet."""
    from botocore.exceptions import BotoCoreError, ClientError

    outputs = snapshot.outputs.values
    job, bucket = outputs.get("job"), outputs.get("artifacts_bucket")
    if not isinstance(job, Mapping) or not bucket or "cluster" not in outputs:
        raise LlmstratError("this stack has no cluster", remedy="only `strategy: from-scratch` trains on one")
    try:
        found = session.client("s3").get_object(Bucket=str(bucket), Key=f"pretraining/{job['key']}/gate.json")
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise LlmstratError(f"the gate's record can't be read: {error}", remedy="check the credentials") from error
    except BotoCoreError as error:
        raise LlmstratError(f"the gate's record can't be read: {error}", remedy="check the credentials") from error
    result: dict[str, Any] = json.loads(found["Body"].read())
    return result


def last_verdict(snapshot: Snapshot | None, session: AwsSession) -> dict[str, Any] | None:
    """The same, of a stack that may not be there or not have come to a job yet."""
    return gate_result(snapshot, session) if snapshot is not None and "job" in snapshot.outputs.values else None


def wait_for_gate(
    snapshot: Snapshot,
    session: AwsSession,
    *,
    over: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any] | None:
    """The gate's record once there is one; None if the job is `over` without."""
    while True:
        result = gate_result(snapshot, session)
        if result is not None or over():
            return result
        sleep(_PAUSE_SECONDS)


@dataclass(frozen=True)
class GateEstimate:
    """What a test of the cluster takes, in the plan's words."""

    cluster: str
    time: str
    cost: str


def gate_alone(resolved: ResolvedSpec) -> ResolvedSpec:
    """The spec as it is with `cluster.acceptance: only`. LlmstratError if it has no cluster."""
    pretraining = resolved.pretraining
    if pretraining is None:
        raise LlmstratError("this spec has no cluster to test", remedy="only `strategy: from-scratch` trains on one")
    cluster = pretraining.cluster.model_copy(update={"acceptance": "only"})
    return replace(resolved, pretraining=replace(pretraining, cluster=cluster))


def gate_estimate(plan: Plan) -> GateEstimate:
    """Of the plan of a spec that only tests its cluster. LlmstratError if the plan has errors."""
    if plan.errors:
        first = plan.errors[0]
        raise LlmstratError(f"{first.path}: {first.message}", remedy=first.remedy)
    values = {line.what: line.value for line in plan.stack.sizing}
    return GateEstimate(values["cluster"], values["gate: time"], values["gate: cost"])


def say_only(path: Path) -> Callable[[], None]:
    """Write `cluster.acceptance: only` into the spec; returns what puts it back, to the letter unless edited since."""

    def change(document: Any) -> object:
        before = document["cluster"].get("acceptance")
        document["cluster"]["acceptance"] = "only"
        return before

    text = path.read_text(encoding="utf-8")
    before = edit_spec(path, change)
    changed = path.read_text(encoding="utf-8")

    def put_back() -> None:
        if path.read_text(encoding="utf-8") == changed:
            replace_spec(path, text)
        elif before is None:
            edit_spec(path, lambda document: document["cluster"].pop("acceptance", None))
        else:
            edit_spec(path, lambda document: document["cluster"].update(acceptance=before))

    return put_back


def gate_under_way(snapshot: Snapshot | None) -> bool:
    """Whether the last `up` has started a test of the cluster whose end none has seen yet."""
    identity = known_identity(snapshot)
    return snapshot is not None and identity is not None and not makes_model(identity) and not settled(snapshot)
